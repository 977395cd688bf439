"""A new process that loads a model and asks it: run by `CleanVerifier`, with nothing of modelpact but what the model carries.

Usage: python clean_process.py <model folder> <exchange folder>; the latter holds `question.pickle`, and gets `answer.pickle`.
"""

from __future__ import annotations

import importlib.abc
import pickle
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any


class HideInstalled(importlib.abc.MetaPathFinder):
    """Lets modelpact be found nowhere but in the model's own folder."""

    def __init__(self, model: Path) -> None:
        self.model = model

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> Any:
        """Refuse modelpact unless its code lies in the model."""
        if fullname != "modelpact":
            return None
        from importlib.machinery import PathFinder

        spec = PathFinder.find_spec(
            fullname, [entry for entry in sys.path if Path(entry).is_relative_to(self.model)]
        )
        if spec is None:
            raise ModuleNotFoundError("modelpact is not installed in this process", name=fullname)
        return spec


def main(model: Path, exchange: Path) -> None:
    """Load the model, ask it, and write down what it answered."""
    sys.meta_path.insert(0, HideInstalled(model))
    import mlflow.pyfunc

    report: dict[str, Any] = {"error": "", "prediction": None, "modelpact": "not used"}
    try:
        inputs, params = pickle.loads((exchange / "question.pickle").read_bytes())
        report["prediction"] = mlflow.pyfunc.load_model(str(model)).predict(inputs, params=params)
    except Exception as error:  # whatever the model raises is the answer
        report["error"] = f"{type(error).__name__}: {str(error)[:300]}"
    if "modelpact" in sys.modules:
        report["modelpact"] = "carried"
    (exchange / "answer.pickle").write_bytes(pickle.dumps(report))


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())
