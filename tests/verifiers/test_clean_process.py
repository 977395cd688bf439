from __future__ import annotations

import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from modelpact.loaders import CustomLoader
from modelpact.savers import CustomSaver
from modelpact.signature import infer
from modelpact.tracking import SqliteTracking
from modelpact.verifiers.clean_process import HideInstalled, main
from tests.support.publishing import numbers
from tiny_models import Doubler

ROWS = numbers().read().inputs


@pytest.fixture
def model() -> Path:
    """The files of a saved model."""
    with SqliteTracking().open():
        saver = CustomSaver(pip_requirements=["numpy"])
        return (
            CustomLoader()
            .load(saver.save(Doubler(), infer(ROWS, Doubler().predict(ROWS)), ROWS).model_uri)
            .folder
        )


@pytest.fixture(autouse=True)
def finders() -> Iterator[None]:
    """Restore Python's import system."""
    before, path = list(sys.meta_path), list(sys.path)
    yield
    sys.meta_path[:], sys.path[:] = before, path


def ask(model: Path, folder: Path, question: Any) -> dict[str, Any]:
    (folder / "question.pickle").write_bytes(pickle.dumps(question))
    main(model, folder)
    answer: dict[str, Any] = pickle.loads((folder / "answer.pickle").read_bytes())
    return answer


def test_predicts_as_the_model_does(model: Path, tmp_path: Path) -> None:
    answer = ask(model, tmp_path, (ROWS, None))
    assert answer["error"] == ""
    assert answer["prediction"].tolist() == Doubler().predict(ROWS).tolist()


def test_an_error_of_the_model_is_returned(model: Path, tmp_path: Path) -> None:
    answer = ask(model, tmp_path, (ROWS.drop(columns="a"), None))
    assert answer["error"].startswith("MlflowException: ")
    assert answer["prediction"] is None


def test_the_installed_modelpact_is_hidden() -> None:
    finder = HideInstalled()
    assert finder.find_spec("numpy", None) is None
    assert finder.find_spec("_modelpact_0123456789ab", None) is None
    with pytest.raises(ModuleNotFoundError, match="not installed in this process"):
        finder.find_spec("modelpact", None)
