"""Published models that many tests read, created once per test session."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

import pytest

from modelpact import publish
from modelpact.registers import MlflowRegister
from modelpact.verifiers import NoneVerifier
from tests.support.publishing import numbers, restore, steps
from tiny_models import Doubler, Scaled


@pytest.fixture(scope="session")
def sums(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> tuple[Path, str]:
    """Publish `sums` 1 with the alias champion; return the folder and the logged model's URI."""
    folder = tmp_path_factory.mktemp("sums")
    with contextlib.chdir(folder), pytest.MonkeyPatch.context() as patch:
        patch.setenv("MODELPACT_CACHE", str(cache))
        return folder, str(
            publish(**steps(register=MlflowRegister(aliases=["champion"]))).model_uri
        )


@pytest.fixture
def in_sums(sums: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> str:
    """Work in that folder, which tests must not change; return the URI of its logged model."""
    monkeypatch.chdir(sums[0])
    return sums[1]


@pytest.fixture(scope="session")
def alias_versions(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Path:
    """Return a folder whose store has a worse, a better, a breaking and an unverified version."""
    folder = tmp_path_factory.mktemp("promoting")
    renamed = [{"a": row["a"], "c": row["b"]} for row in numbers().inputs]
    with contextlib.chdir(folder), pytest.MonkeyPatch.context() as patch:
        patch.setenv("MODELPACT_CACHE", str(cache))
        publish(**steps(model=Doubler(factor=1.0)))
        publish(**steps())
        publish(**steps(data=numbers(inputs=renamed, metrics=["r2"])))
        publish(**steps(model=Scaled(), data=numbers(metrics=[]), verifier=NoneVerifier()))
    shutil.copy(folder / "mlflow.db", folder / "copy.db")
    return folder


@pytest.fixture
def empty_folder() -> None:
    """Work in an empty folder instead of that of `alias_store`."""


@pytest.fixture
def alias_store(
    alias_versions: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Work as the user ann in that folder, with a fresh copy of its store."""
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ann")
    monkeypatch.setattr("modelpact.registry.aliases.alias_history._PAUSES", (0.0,))
    if "empty_folder" not in request.fixturenames:
        restore(alias_versions / "copy.db", alias_versions / "mlflow.db")
        monkeypatch.chdir(alias_versions)
