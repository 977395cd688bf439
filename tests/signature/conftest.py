"""What every test of the floor gets: nothing."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def isolated() -> None:
    """Nothing to put back: the floor is pure, and a folder for each of its many tests would take longer than the tests."""
