"""Runs a batch on Ray Data: actors that have loaded the model score the parts."""

from __future__ import annotations

import logging
import pickle
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from modelpact._internal.text import truncate
from modelpact.batch.base import Part, PartResult
from modelpact.batch.scoring import Scorer, ScoringPlan, dump_result, load_result
from modelpact.errors import ConfigError

__all__ = ["run"]


class _Actor:
    """A Ray actor that scores parts."""

    def __init__(self, plan: ScoringPlan) -> None:
        self._scorer = Scorer(plan)

    def __call__(self, row: dict[str, Any]) -> dict[str, bytes]:
        part: Part = pickle.loads(row["part"])  # noqa: S301  # from our own driver
        return {"result": dump_result(lambda: self._scorer.score(part))}


def run(
    plan: ScoringPlan, parts: Iterator[Part], workers: int | None, address: str | None
) -> Iterator[PartResult]:
    """Score parts with Ray Data; yield the results in order.

    Args:
        plan: The plan; the input and the model must have the same paths on every machine.
        parts: The parts.
        workers: The number of actors; None for one per core, at most one per part.
        address: The address of a cluster; None to start one on this machine.

    Raises:
        ConfigError: Ray is not installed, or the cluster cannot be reached.
    """
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise ConfigError(
            f"task.engine=ray: cannot import Ray Data: {truncate(error, 200)}",
            remedy='pip install "modelpact[ray]"',
        ) from error
    # Ray Data logs every step of the execution.
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    rows = [{"part": pickle.dumps(part)} for part in parts]
    is_ours = not ray.is_initialized()
    if is_ours:
        _connect(ray, address)
    try:
        context = ray.data.DataContext.get_current()
        context.execution_options.preserve_order = True
        context.enable_progress_bars = False
        n_actors = max(min(workers or int(ray.cluster_resources().get("CPU", 1)), len(rows)), 1)
        results = ray.data.from_items(rows, override_num_blocks=max(len(rows), 1)).map(
            _Actor,
            fn_constructor_args=(plan,),
            compute=ray.data.ActorPoolStrategy(size=n_actors),
            num_cpus=1,
        )
        for row in results.iter_rows():
            yield load_result(row["result"])
    finally:
        if is_ours:
            ray.shutdown()


def _connect(ray: ModuleType, address: str | None) -> None:
    try:
        ray.init(
            address=address or "local",
            log_to_driver=False,
            logging_level=logging.ERROR,
            include_dashboard=False,
        )
    except (ConnectionError, RuntimeError, ValueError) as error:
        where = f"at task.address={address}" if address else "on this machine"
        raise ConfigError(
            f"cannot connect to Ray {where}: {truncate(error, 200)}",
            remedy="Set task.address to a running cluster, or to null to start one.",
        ) from error
