"""Data that breaks a signature in one named way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

__all__ = ["Break", "breaks"]


@dataclass(frozen=True, slots=True)
class Break:
    """Inputs that break a signature in one way: the way's `name`, its `place`, and the broken inputs."""

    name: str
    place: str
    inputs: Any


def breaks(signature: Any, inputs: Any) -> Iterator[Break]:
    """Break good inputs, one way at a time."""
    import numpy as np

    schema = signature.inputs
    if schema is None:
        return
    if schema.is_tensor_spec() and hasattr(inputs, "shape"):
        yield Break("WRONG_SHAPE", "inputs", np.zeros((1,) * (len(inputs.shape) + 1), dtype=inputs.dtype))
        yield Break("WRONG_TYPE", "inputs", np.full(inputs.shape, "x"))
    elif hasattr(inputs, "columns"):
        for spec in schema.inputs:
            if spec.name is not None and spec.required:
                yield Break("MISSING_REQUIRED", str(spec.name), inputs.drop(columns=spec.name))
