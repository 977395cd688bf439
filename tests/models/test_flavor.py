from __future__ import annotations

import logging

import mlflow
import pandas as pd
import pytest

from modelpact.models.flavor import FlavorModel


def test_mlflow_does_not_warn_before_the_model_is_saved(caplog: pytest.LogCaptureFixture) -> None:
    class Double(mlflow.pyfunc.PythonModel):  # type: ignore[misc,name-defined]
        def predict(self, context, model_input):  # type: ignore[no-untyped-def]
            return model_input["a"] * 2

    model = FlavorModel.of(Double(), "pyfunc")
    logger = logging.getLogger("mlflow")
    logger.addHandler(caplog.handler)
    try:
        assert list(model.predict(pd.DataFrame({"a": [1, 2]}))) == [2, 4]
    finally:
        logger.removeHandler(caplog.handler)
    assert caplog.messages == []
