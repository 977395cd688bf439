"""In which formats a saved model lies, told by its files: which of them run code when they are loaded, which only hold data."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

__all__ = ["UNSAFE_FORMATS", "detect_formats"]

UNSAFE_FORMATS = frozenset({"cloudpickle", "code", "joblib", "keras", "other", "pickle", "torch"})
"""The formats that can run code when they are loaded; of `other` that is not known."""

_BY_SUFFIX = {
    ".bst": "xgboost",
    ".cbm": "catboost",
    ".h5": "keras",
    ".joblib": "joblib",
    ".json": "json",
    ".keras": "keras",
    ".npy": "numpy",
    ".npz": "numpy",
    ".onnx": "onnx",
    ".pickle": "pickle",
    ".pkl": "pickle",
    ".pt": "torch",
    ".pth": "torch",
    ".py": "code",
    ".pyc": "code",
    ".safetensors": "safetensors",
    ".skops": "skops",
    ".txt": "text",
    ".ubj": "xgboost",
    ".xgb": "xgboost",
    ".yaml": "yaml",
}

_BESIDE = frozenset(
    {
        "MLmodel",
        "conda.yaml",
        "input_example.json",
        "modelpact-manifest.json",
        "python_env.yaml",
        "registered_model_meta",
        "requirements.txt",
        "serving_input_example.json",
    }
)
"""What lies in every model's folder."""


def detect_formats(folder: Path) -> list[str]:
    """The formats of a model's files, in alphabetical order; a pickle is told by what it begins with, whatever it is called.

    Args:
        folder: The model's, with its `MLmodel` file.
    """
    found = set()
    for home, _, names in os.walk(folder):
        paths = (Path(home, name) for name in names if Path(home) != folder or name not in _BESIDE)
        found |= {_format(path) for path in paths}
    if "pickle" in found and "cloudpickle" in (folder / "MLmodel").read_text(
        encoding="utf-8", errors="replace"
    ):
        found = found - {"pickle"} | {"cloudpickle"}
    return sorted(found)


def _format(path: Path) -> str:
    known = _BY_SUFFIX.get(path.suffix.lower(), "other")
    if known == "code":
        return known
    with path.open("rb") as file:
        start = file.read(2)
    if (
        len(start) == 2 and start[0] == 0x80 and 2 <= start[1] <= 5
    ):  # PROTO, and a protocol that has it
        return "joblib" if known == "joblib" else "pickle"
    if start == b"PK" and known in {"other", "numpy"} and zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return (
                "torch" if any(name.endswith("data.pkl") for name in archive.namelist()) else known
            )
    return known
