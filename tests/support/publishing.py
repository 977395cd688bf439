"""What the tests publish, and what they then ask the store: small steps, and questions to a real SQLite store."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from mlflow import MlflowClient

from modelpact.data import InlineData
from modelpact.loaders import CustomLoader
from modelpact.registers import MlflowRegister
from modelpact.savers import CustomSaver
from modelpact.signers import InferSigner
from modelpact.tracking import SqliteTracking
from modelpact.verifiers import ReplayVerifier
from tiny_models import Doubler


def numbers(n_rows: int = 8, **options: Any) -> InlineData:
    """Rows of two doubles, and twice their sum."""
    inputs = [{"a": float(row), "b": row / 2} for row in range(n_rows)]
    return InlineData(
        **{"inputs": inputs, "targets": [3.0 * row for row in range(n_rows)], **options}
    )


def steps(**changes: Any) -> dict[str, Any]:
    """The arguments of `publish` for a model that takes milliseconds."""
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


def uri() -> str:
    """The store in the working folder, by its absolute path: MLflow keeps stores by URI."""
    return f"sqlite:///{Path('mlflow.db').absolute()}"


def client() -> MlflowClient:
    """A client for the store in the working folder."""
    return MlflowClient(uri(), uri())


def runs() -> list[Any]:
    """All runs of the default experiment, the newest first."""
    experiment = client().get_experiment_by_name("modelpact")
    return list(client().search_runs([experiment.experiment_id])) if experiment else []


def versions(name: str | None = None) -> list[int]:
    """The numbers of the versions that are registered."""
    found = client().search_model_versions(f"name = '{name}'" if name else None)
    return sorted(int(version.version) for version in found)


def saved_statuses() -> list[str]:
    """The status of each saved model, in alphabetical order."""
    experiments = [experiment.experiment_id for experiment in client().search_experiments()]
    return sorted(str(model.status) for model in client().search_logged_models(experiments))


def restore(copy: Path, path: Path) -> None:
    """Put a SQLite store back as it was: in its place, so that who has it open goes on, and no new one has to be opened."""
    with closing(sqlite3.connect(copy)) as source, closing(sqlite3.connect(path)) as target:
        source.backup(target)


def receipt(folder: Path) -> dict[str, Any]:
    """What `receipt.json` in a folder says."""
    content: dict[str, Any] = json.loads((folder / "receipt.json").read_text(encoding="utf-8"))
    return content
