"""Runs a batch on Spark: tasks score the parts in waves.

A wave bounds the number of results that wait for the driver.
"""

from __future__ import annotations

import functools
import pickle
import warnings
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from modelpact._internal.guards import convert_errors
from modelpact._internal.text import truncate
from modelpact.batch.base import Part, PartResult
from modelpact.batch.scoring import ScoringPlan, dump_result, load_result, score_in_worker
from modelpact.errors import ConfigError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

__all__ = ["run"]

PARTS_PER_CORE = 2
"""Parts per core in a wave."""


def run(
    plan: ScoringPlan, parts: Iterator[Part], workers: int | None, address: str | None
) -> Iterator[PartResult]:
    """Score parts with Spark; yield the results in order.

    Args:
        plan: The plan; the input and the model must have the same paths on every machine.
        parts: The parts.
        workers: The number of cores of a local master; None for all.
        address: The Spark master; None for the active session, or for this machine.

    Raises:
        ConfigError: Spark is not installed, or cannot be started.
    """
    try:
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise ConfigError(
            f"task.engine=spark: cannot import Spark: {truncate(error, 200)}",
            remedy='pip install "modelpact[spark]"',
        ) from error
    is_ours = SparkSession.getActiveSession() is None
    session = _create_session(SparkSession.builder, address or f"local[{workers or '*'}]")
    try:
        context = session.sparkContext
        pickled_plan = context.broadcast(pickle.dumps(plan))
        size = PARTS_PER_CORE * max(context.defaultParallelism, 1)
        while wave := list(islice(parts, size)):
            tasks = context.parallelize(wave, len(wave))
            results = tasks.map(lambda part: _score(pickled_plan.value, part)).collect()
            for result in results:
                yield load_result(result)
    finally:
        if is_ours:
            session.stop()


def _create_session(builder: Any, master: str) -> SparkSession:
    builder = (
        builder.master(master)
        .appName("modelpact")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.log.level", "ERROR")
    )

    def start_error(error: Exception) -> ConfigError:
        return ConfigError(
            f"task.engine=spark: Spark cannot be started on {master}: {truncate(error, 200)}",
            remedy="Spark needs Java 17 or later on PATH or in JAVA_HOME. "
            "task.address sets another master.",
        )

    # Py4J and Spark raise exceptions of many types, some of them directly under Exception.
    with convert_errors(start_error), warnings.catch_warnings():
        # This engine does not use Spark's pandas API.
        warnings.filterwarnings(
            "ignore", "PySpark does not yet fully support pandas", FutureWarning
        )
        return builder.getOrCreate()


def _score(pickled_plan: bytes, part: Part) -> bytes:
    return dump_result(lambda: score_in_worker(_load_plan(pickled_plan), part))


@functools.lru_cache(maxsize=1)
def _load_plan(pickled_plan: bytes) -> ScoringPlan:
    """Return the plan of a driver, the same object for every part."""
    plan: ScoringPlan = pickle.loads(pickled_plan)  # noqa: S301  # from our own driver
    return plan
