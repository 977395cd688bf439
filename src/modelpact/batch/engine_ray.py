"""Ray Data: the parts are its rows, and actors that have loaded the model answer them, on as many machines as the cluster has."""

from __future__ import annotations

import logging
import pickle
from collections.abc import Iterator
from typing import Any

from modelpact._internal.text import truncate
from modelpact.batch.base import Part, PartResult
from modelpact.batch.scoring import Plan, Scorer
from modelpact.errors import ConfigError

__all__ = ["run"]


class _Actor:
    """A process of Ray's that answers parts."""

    def __init__(self, plan: Plan) -> None:
        self._scorer = Scorer(plan)

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        return {"scored": _packed(lambda: self._scorer.score(pickle.loads(row["part"])))}  # noqa: S301  # our own


def run(
    plan: Plan, parts: Iterator[Part], workers: int | None, address: str | None
) -> Iterator[PartResult]:
    """Answer parts with Ray Data, and give them in their order.

    Args:
        plan: What is to be done; the input and the model's files must be at the same places on each machine.
        parts: What is to be answered.
        workers: Actors; None for one a core of the cluster, and no more than there are parts.
        address: The cluster; None for one on this machine that ends with the batch.

    Raises:
        ConfigError: Ray is not installed, or no cluster is there.
    """
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise ConfigError(
            f"task.engine=ray: Ray Data cannot be imported: {truncate(error, 200)}",
            remedy='pip install "modelpact[ray]"',
        ) from error
    logging.getLogger("ray.data").setLevel(logging.ERROR)  # it tells of each step
    rows = [{"part": pickle.dumps(part)} for part in parts]
    begun = not ray.is_initialized()
    if begun:
        _begin(ray, address)
    try:
        context = ray.data.DataContext.get_current()
        context.execution_options.preserve_order = True
        context.enable_progress_bars = False
        n_actors = max(min(workers or int(ray.cluster_resources().get("CPU", 1)), len(rows)), 1)
        data = ray.data.from_items(rows, override_num_blocks=max(len(rows), 1))
        answered = data.map(
            _Actor,
            fn_constructor_args=(plan,),
            compute=ray.data.ActorPoolStrategy(size=n_actors),
            num_cpus=1,
        )
        for row in answered.iter_rows():
            yield _unpacked(row["scored"])
    finally:
        if begun:
            ray.shutdown()


def _begin(ray: Any, address: str | None) -> None:
    try:
        ray.init(
            address=address or "local",
            log_to_driver=False,
            logging_level=logging.ERROR,
            include_dashboard=False,
        )
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise ConfigError(
            f"task.address={address}: Ray cannot be had there: {truncate(error, 200)}",
            remedy="Name a cluster that is up, or leave it out for one on this machine.",
        ) from error


def _packed(score: Any) -> bytes:
    """What has become of a part, or the error: Ray would wrap one in its own."""
    try:
        return pickle.dumps(score())
    except Exception as error:
        return pickle.dumps(error)


def _unpacked(packed: bytes) -> PartResult:
    found = pickle.loads(packed)  # noqa: S301  # of our own workers
    if isinstance(found, BaseException):
        raise found
    scored: PartResult = found
    return scored
