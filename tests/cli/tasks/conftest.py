"""A published model that many tests read, created once per test session."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from modelpact import publish
from modelpact.registers import MlflowRegister
from tests.support.publishing import steps


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
