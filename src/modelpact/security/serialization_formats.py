"""Detects the serialization formats in a saved model and whether loading them can run code."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

__all__ = ["UNSAFE_FORMATS", "detect_formats"]

UNSAFE_FORMATS = frozenset({"cloudpickle", "code", "joblib", "keras", "other", "pickle", "torch"})
"""The formats that can run code when they are loaded; `other` stands for unknown formats."""

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

_METADATA_FILES = frozenset(
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
"""Files of every model that MLflow and modelpact write, which are not part of the model itself."""


def detect_formats(folder: Path) -> list[str]:
    """Return the formats of a model's files in alphabetical order.

    A pickle is recognized by its first bytes, whatever the name of the file.

    Args:
        folder: The model's folder, with its `MLmodel` file.
    """
    found = set()
    for parent, _, names in os.walk(folder):
        for name in names:
            if Path(parent) != folder or name not in _METADATA_FILES:
                found.add(_detect_format(Path(parent, name)))
    if "pickle" in found:
        metadata = (folder / "MLmodel").read_text(encoding="utf-8", errors="replace")
        if "cloudpickle" in metadata:
            found = found - {"pickle"} | {"cloudpickle"}
    return sorted(found)


def _detect_format(path: Path) -> str:
    by_suffix = _BY_SUFFIX.get(path.suffix.lower(), "other")
    if by_suffix == "code":
        return by_suffix
    with path.open("rb") as file:
        start = file.read(2)
    if _is_pickle(start):
        return "joblib" if by_suffix == "joblib" else "pickle"
    if start == b"PK" and by_suffix in {"other", "numpy"} and _has_torch_data(path):
        return "torch"
    return by_suffix


def _is_pickle(start: bytes) -> bool:
    # the opcode PROTO, and a protocol that writes it
    return len(start) == 2 and start[0] == 0x80 and 2 <= start[1] <= 5


def _has_torch_data(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith("data.pkl") for name in archive.namelist())
