"""The error of a store that cannot be opened."""

from __future__ import annotations

import os
import pickle

import mlflow
import pytest

from modelpact.errors import PactError, StoreError
from modelpact.tracking import Tracking


def open_error(tracking: Tracking, kind: type[PactError] = StoreError) -> PactError:
    """Return the error of a store that cannot be opened; MLflow's global state is not changed."""
    before = mlflow.is_tracking_uri_set(), os.environ.get("MLFLOW_TRACKING_URI")
    with pytest.raises(kind) as caught, tracking.open():
        pytest.fail("it was opened")
    assert (mlflow.is_tracking_uri_set(), os.environ.get("MLFLOW_TRACKING_URI")) == before
    assert caught.value.remedy
    assert vars(pickle.loads(pickle.dumps(caught.value))) == vars(caught.value)
    return caught.value
