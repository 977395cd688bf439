"""Fixtures of the tests of signatures."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def isolated() -> None:
    """Do nothing: the package is pure, and isolating each of its many tests would be slow."""


@pytest.fixture
def quiet() -> Iterator[None]:
    """Silence MLflow's logs of extra columns, and warnings of pandas and NumPy about unusual data."""
    logging.disable(logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    logging.disable(logging.NOTSET)
