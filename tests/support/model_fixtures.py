"""The models of served_models.py as fixtures, each saved once per test run."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest

from modelpact.loaders import Adapter
from tests.support import served_models

MakeAdapter = Callable[[Callable[[], Adapter]], Adapter]


@pytest.fixture(scope="session")
def make_adapter(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> MakeAdapter:
    """Saves a model in its own folder, once per test run."""
    found: dict[Callable[[], Adapter], Adapter] = {}

    def make(kind: Callable[[], Adapter]) -> Adapter:
        if kind not in found:
            with (
                contextlib.chdir(tmp_path_factory.mktemp(kind.__name__)),
                pytest.MonkeyPatch.context() as patch,
            ):
                patch.setenv("MODELPACT_CACHE", str(cache))
                found[kind] = kind()
        return found[kind]

    return make


@pytest.fixture
def table(make_adapter: MakeAdapter) -> Adapter:
    """A ridge regression."""
    return make_adapter(served_models.table)


@pytest.fixture
def tensor(make_adapter: MakeAdapter) -> Adapter:
    """Two named tensors."""
    return make_adapter(served_models.tensor)


@pytest.fixture
def nested(make_adapter: MakeAdapter) -> Adapter:
    """Objects, arrays, maps, optional columns, params."""
    return make_adapter(served_models.nested)


@pytest.fixture
def hinted(make_adapter: MakeAdapter) -> Adapter:
    """Pydantic objects."""
    return make_adapter(served_models.hinted)


@pytest.fixture
def scripted(make_adapter: MakeAdapter) -> Adapter:
    """A scripted model."""
    return make_adapter(served_models.scripted)


@pytest.fixture
def make_chat_adapter() -> Callable[..., Adapter]:
    """Creates a chat model that uses a server."""
    return served_models.make_chat_adapter
