"""How hard the properties are tried: 100 examples each, or 1,000 with `HYPOTHESIS_PROFILE=full`."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

_calm = [HealthCheck.too_slow, HealthCheck.data_too_large]
settings.register_profile("quick", max_examples=100, deadline=None, suppress_health_check=_calm)
settings.register_profile("full", max_examples=1000, deadline=None, suppress_health_check=_calm)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


@pytest.fixture(autouse=True)
def isolated() -> None:
    """Nothing to put back: the floor is pure, and a folder for each of its many tests would take longer than the tests."""
