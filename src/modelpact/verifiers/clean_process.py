"""A process that loads a model and predicts, with modelpact hidden; run by `CleanVerifier`.

Usage: python clean_process.py <model folder> <exchange folder>

The exchange folder holds `question.pickle`; the process writes `answer.pickle`.
"""

from __future__ import annotations

import importlib.abc
import pickle
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, TypedDict


class CleanReport(TypedDict):
    """What the process reports.

    Attributes:
        error: What the model raised; empty if it predicted.
        prediction: The prediction.
        modelpact: Which code of modelpact was loaded.
    """

    error: str
    prediction: Any
    modelpact: Literal["carried", "not used", "not loaded"]


class HideInstalled(importlib.abc.MetaPathFinder):
    """Hides the installed modelpact; a model carries its code under another name."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Raise for modelpact; leave all other modules to the other finders."""
        if fullname == "modelpact":
            raise ModuleNotFoundError("modelpact is not installed in this process", name=fullname)
        return None


def main(model: Path, exchange: Path) -> None:
    """Load the model, predict, and write the report."""
    sys.meta_path.insert(0, HideInstalled())
    import mlflow.pyfunc

    report = CleanReport(error="", prediction=None, modelpact="not used")
    try:
        inputs, params = pickle.loads((exchange / "question.pickle").read_bytes())
        report["prediction"] = mlflow.pyfunc.load_model(str(model)).predict(inputs, params=params)
    # The code of a model may raise anything.
    except Exception as error:
        report["error"] = f"{type(error).__name__}: {str(error)[:300]}"
    if any(name.startswith("_modelpact_") for name in sys.modules):
        report["modelpact"] = "carried"
    (exchange / "answer.pickle").write_bytes(pickle.dumps(report))


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())
