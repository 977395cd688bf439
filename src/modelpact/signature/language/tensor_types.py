"""Tensors as text: `float32[-1, 3]`."""

from __future__ import annotations

import re
from typing import TypeGuard

import numpy as np
from mlflow.types.schema import TensorSpec

from modelpact._internal.text import preview
from modelpact.signature.field_path import FieldPath
from modelpact.signature.issues import SpecIssues
from modelpact.signature.language.type_names import TYPE_NAMES, describe_unknown_dtype

__all__ = ["accepts_any_array", "is_tensor", "read_tensor"]

_TENSOR = re.compile(r"^\s*([A-Za-z_.]+\d*(?:\[\d*[A-Za-zμ]+\])?)\s*\[([^\]]*)\]\s*$")
_SHAPE = re.compile(r"[-\d\s,.?*:]+|None.*|.*None")
_AXIS = re.compile(r"-1|\d{1,18}")
_GENERIC_NAMES = [
    "list",
    "dict",
    "optional",
    "sequence",
    "mapping",
    "map",
    "array",
    "union",
    "tuple",
    "set",
]


def is_tensor(value: object) -> TypeGuard[str]:
    """Return whether a value looks like a tensor: a word, then a shape in brackets.

    Example:
        >>> is_tensor("float32[-1, 3]"), is_tensor("list[str]")
        (True, False)
    """
    if not isinstance(value, str) or not (match := _TENSOR.match(value)):
        return False
    name, shape = match[1], match[2].strip()
    if name.lower() in _GENERIC_NAMES:
        return False
    if shape:
        return _SHAPE.fullmatch(shape) is not None
    return name not in TYPE_NAMES and _find_dtype(name) is not None


def accepts_any_array(spec: TensorSpec) -> bool:
    """Return whether a tensor accepts every array; MLflow infers such a tensor from ragged data."""
    return bool(spec.type.kind == "O" and tuple(spec.shape) == (-1,))


def read_tensor(
    value: str, path: FieldPath, issues: SpecIssues, name: str | None = None
) -> TensorSpec | None:
    """Read a tensor from text; return None after adding an issue.

    Args:
        value: A dtype and a shape, such as `float32[-1, 3]`; a text that `is_tensor` accepts.
        path: The position of the value in the signature.
        issues: Collects the issues.
        name: The name of the tensor.
    """
    dtype_text, _, shape_text = value.strip().removesuffix("]").rpartition("[")
    dtype = _find_dtype(dtype_text.strip())
    if dtype is None:
        issues.add(path, describe_unknown_dtype(dtype_text.strip()))
    shape = _read_shape(shape_text.strip(), path, issues)
    return None if dtype is None or shape is None else TensorSpec(dtype, shape, name)


def _read_shape(text: str, path: FieldPath, issues: SpecIssues) -> tuple[int, ...] | None:
    axes = [axis.strip() for axis in text.split(",")] if text else []
    invalid = [axis for axis in axes if not _AXIS.fullmatch(axis)]
    for axis in invalid:
        message = f"invalid axis {preview(axis)}; write its length, or -1 for any length"
        issues.add(path, message)
    return None if invalid else tuple(map(int, axes))


def _find_dtype(name: str) -> np.dtype[np.generic] | None:
    try:
        dtype = np.dtype(name)
    except (TypeError, ValueError):
        return None
    return dtype if dtype.name == name else None
