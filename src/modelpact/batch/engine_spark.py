"""Spark: its workers answer parts, wave by wave, so that no more answers come at once than are written."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Iterator
from itertools import islice
from typing import Any

from modelpact._internal.text import truncate
from modelpact.batch.base import Part, PartResult
from modelpact.batch.scoring import Plan, score_in_worker
from modelpact.errors import ConfigError

__all__ = ["run"]

WAVE = 2
"""Parts a core that are answered before the next are asked for."""


def run(
    plan: Plan, parts: Iterator[Part], workers: int | None, address: str | None
) -> Iterator[PartResult]:
    """Answer parts with Spark, and give them in their order.

    Args:
        plan: What is to be done; the input and the model's files must be at the same places on each machine.
        parts: What is to be answered.
        workers: Cores of this machine where it is the cluster; None for all.
        address: Spark's master; None for this machine, or what the session that is there uses.

    Raises:
        ConfigError: Spark is not installed, or does not start.
    """
    try:
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise ConfigError(
            f"task.engine=spark: Spark cannot be imported: {truncate(error, 200)}",
            remedy='pip install "modelpact[spark]"',
        ) from error
    begun = SparkSession.getActiveSession() is None
    session = _session(SparkSession, address or f"local[{workers or '*'}]")
    try:
        context = session.sparkContext
        shared = context.broadcast(pickle.dumps(plan))
        size = WAVE * max(context.defaultParallelism, 1)
        while wave := list(islice(parts, size)):
            answered = (
                context.parallelize(wave, len(wave))
                .map(lambda part: _packed(shared.value, part))
                .collect()
            )
            for packed in answered:
                yield _unpacked(packed)
    finally:
        if begun:
            session.stop()


def _session(kind: Any, master: str) -> Any:
    builder = kind.builder.master(master).appName("modelpact").config("spark.ui.enabled", "false")
    builder = builder.config("spark.ui.showConsoleProgress", "false").config(
        "spark.log.level", "ERROR"
    )
    try:
        with warnings.catch_warnings():  # of Spark's own use of pandas, which is not made here
            warnings.filterwarnings(
                "ignore", "PySpark does not yet fully support pandas", FutureWarning
            )
            return builder.getOrCreate()
    except Exception as error:
        raise ConfigError(
            f"task.engine=spark: Spark does not start on {master}: {truncate(error, 200)}",
            remedy="It needs Java 17 or later on the PATH or in JAVA_HOME; task.address names a master elsewhere.",
        ) from error


def _packed(plan: bytes, part: Part) -> bytes:
    """What has become of a part, or the error: Spark would give its text only."""
    try:
        return pickle.dumps(score_in_worker(_plan(plan), part))
    except Exception as error:
        return pickle.dumps(error)


_plans: dict[bytes, Plan] = {}


def _plan(packed: bytes) -> Plan:
    if packed not in _plans:
        _plans.clear()
        _plans[packed] = pickle.loads(packed)  # noqa: S301  # of our own driver
    return _plans[packed]


def _unpacked(packed: bytes) -> PartResult:
    found = pickle.loads(packed)  # noqa: S301  # of our own workers
    if isinstance(found, BaseException):
        raise found
    scored: PartResult = found
    return scored
