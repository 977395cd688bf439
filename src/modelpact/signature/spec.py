"""Signatures written by hand: scalars, optional columns and tensors, or MLflow's own dicts."""

from __future__ import annotations

import re
from typing import Any

from modelpact.errors import SpecError
from modelpact.suggestions import nearest

__all__ = ["parse"]

_SCALARS = ("boolean", "integer", "long", "float", "double", "string", "binary", "datetime")
_TENSOR = re.compile(r"(\w+)\[\s*(-?\d+(?:\s*,\s*-?\d+)*)\s*\]")


def parse(spec: Any) -> Any:
    """Make a signature of `{"inputs": ..., "outputs": ..., "params": ...}`.

    Raises:
        SpecError: Something in it is malformed; `problems` lists every fault with its place.

    Example:
        >>> parse({"inputs": {"age": "double"}}).inputs.input_names()
        ['age']
    """
    from mlflow.models import ModelSignature

    problems: list[tuple[str, str]] = []
    inputs, outputs = _schema(spec.get("inputs"), "inputs", problems), _schema(spec.get("outputs"), "outputs", problems)
    params = _params(spec.get("params"), problems)
    if problems:
        lines = "\n".join(f"  {place}: {text}" for place, text in problems)
        raise SpecError(f"the signature has {len(problems)} fault(s):\n{lines}", problems=problems)
    if inputs is None and outputs is None and params is None:
        raise SpecError("the signature is empty", remedy="Write inputs, outputs or params.", problems=[("", "empty")])
    return ModelSignature(inputs, outputs, params)


def _schema(spec: Any, side: str, problems: list[tuple[str, str]]) -> Any:
    from mlflow.types import Schema

    if spec is None:
        return None
    if isinstance(spec, list) and all(isinstance(item, dict) and "type" in item for item in spec):
        return Schema([Schema.from_json(_json([item])).inputs[0] for item in spec])
    named = spec if isinstance(spec, dict) else {None: spec} if isinstance(spec, str) else dict(enumerate(spec))
    specs = []
    for key, text in named.items():
        name = key if isinstance(key, str) else None
        found = _spec(name, text, f"{side}.{key}" if key is not None else side, problems)
        specs += [] if found is None else [found]
    return Schema(specs) if len(specs) == len(named) else None


def _spec(name: str | None, text: Any, place: str, problems: list[tuple[str, str]]) -> Any:
    import numpy as np
    from mlflow.types import ColSpec, TensorSpec
    from mlflow.types.schema import AnyType

    optional = name is not None and name.endswith("?")
    bare = name.removesuffix("?") if name is not None else None
    if text in _SCALARS or text == "any":
        return ColSpec(AnyType() if text == "any" else text, bare, required=not optional)
    match = _TENSOR.fullmatch(str(text))
    if match:
        try:
            return TensorSpec(np.dtype(match[1]), tuple(int(axis) for axis in match[2].split(",")), bare)
        except TypeError:
            problems.append((place, f"{match[1]!r} is not a dtype of NumPy"))
            return None
    problems.append((place, f"{text!r} is not a type{nearest(str(text), _SCALARS)}"))
    return None


def _params(spec: Any, problems: list[tuple[str, str]]) -> Any:
    from mlflow.types import ParamSchema, ParamSpec
    from mlflow.types.schema import DataType

    if spec is None:
        return None
    if isinstance(spec, list):
        return ParamSchema.from_json(_json(spec))
    params = []
    for name, text in spec.items():
        kind, _, default = str(text).partition("=")
        if kind.strip() not in _SCALARS:
            problems.append((f"params.{name}", f"{kind.strip()!r} is not a type{nearest(kind.strip(), _SCALARS)}"))
            continue
        import json

        params.append(ParamSpec(name, DataType[kind.strip()], json.loads(default)))
    return ParamSchema(params)


def _json(value: Any) -> str:
    import json

    return json.dumps(value)
