"""What every test of the floor gets: nothing."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def isolated() -> None:
    """Nothing to put back: the floor is pure, and a folder for each of its many tests would take longer than the tests."""


@pytest.fixture
def quiet() -> Iterator[None]:
    """MLflow logs each extra column, pandas and NumPy warn about some of the stranger data."""
    logging.disable(logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    logging.disable(logging.NOTSET)
