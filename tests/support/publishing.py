"""Small steps to publish, and queries of the SQLite store in the working folder."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

from mlflow import MlflowClient

from modelpact.data import InlineData
from modelpact.loaders import CustomLoader
from modelpact.registers import MlflowRegister
from modelpact.savers import CustomSaver
from modelpact.signers import InferSigner
from modelpact.tracking import SqliteTracking
from modelpact.verifiers import ReplayVerifier
from tiny_models import Doubler

T = TypeVar("T")


def numbers(n_rows: int = 8, **options: Any) -> InlineData:
    """Return rows of two doubles, with twice their sum as the target."""
    inputs = [{"a": float(row), "b": row / 2} for row in range(n_rows)]
    return InlineData(
        **{"inputs": inputs, "targets": [3.0 * row for row in range(n_rows)], **options}
    )


def steps(**changes: Any) -> dict[str, Any]:
    """Return arguments of `publish` for a model that takes milliseconds."""
    return {
        "data": numbers(metrics=["r2"]),
        "model": Doubler(),
        "signer": InferSigner(),
        "saver": CustomSaver(pip_requirements=["numpy"]),
        "loader": CustomLoader(),
        "verifier": ReplayVerifier(),
        "register": MlflowRegister(),
        "tracking": SqliteTracking(),
        "name": "sums",
        **changes,
    }


def not_none(value: T | None) -> T:
    """Return a value that is not None."""
    assert value is not None
    return value


def experiment_id(name: str = "modelpact") -> str:
    """Return the id of an experiment."""
    return str(not_none(client().get_experiment_by_name(name)).experiment_id)


def uri() -> str:
    """Return the URI of the store by its absolute path: MLflow caches stores by URI."""
    return f"sqlite:///{Path('mlflow.db').absolute()}"


def client() -> MlflowClient:
    """Return a client of the store."""
    return MlflowClient(uri(), uri())


def runs() -> list[Any]:
    """Return all runs of the default experiment, the newest first."""
    experiment = client().get_experiment_by_name("modelpact")
    return list(client().search_runs([experiment.experiment_id])) if experiment else []


def versions(name: str | None = None) -> list[int]:
    """Return the numbers of the registered versions."""
    found = client().search_model_versions(f"name = '{name}'" if name else None)
    return sorted(int(version.version) for version in found)


def saved_statuses() -> list[str]:
    """Return the sorted statuses of all saved models."""
    experiments = [experiment.experiment_id for experiment in client().search_experiments()]
    return sorted(str(model.status) for model in client().search_logged_models(experiments))


def restore(copy: Path, path: Path) -> None:
    """Restore a SQLite store in place, so that open connections stay valid."""
    with closing(sqlite3.connect(copy)) as source, closing(sqlite3.connect(path)) as target:
        source.backup(target)


def receipt(folder: Path) -> dict[str, Any]:
    """Return the content of `receipt.json` in a folder."""
    content: dict[str, Any] = json.loads((folder / "receipt.json").read_text(encoding="utf-8"))
    return content
