"""Levels of loggers of other libraries."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

__all__ = ["log_level"]


@contextlib.contextmanager
def log_level(level: int, *names: str) -> Iterator[None]:
    """Set the level of loggers within the context.

    Args:
        level: The level, such as `logging.ERROR`.
        names: The names of the loggers.
    """
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(level)
    try:
        yield
    finally:
        for logger, before in zip(loggers, levels, strict=True):
            logger.setLevel(before)
