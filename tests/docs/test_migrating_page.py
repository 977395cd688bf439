"""docs/migrating.md names every argument of MLflow."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from types import ModuleType

import mlflow.pyfunc
import mlflow.sklearn
import mlflow.xgboost
import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "migrating.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("flavor", [mlflow.sklearn, mlflow.xgboost, mlflow.pyfunc])
def test_every_argument_is_in_a_table(flavor: ModuleType) -> None:
    cells = re.findall(r"^\| (`\w+`.*?) \|", PAGE, re.MULTILINE)
    named = set(re.findall(r"`(\w+)`", " ".join(cells)))
    assert set(inspect.signature(flavor.log_model).parameters) <= named
