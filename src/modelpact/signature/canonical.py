"""The canonical form of a signature, and its digest.

Equal signatures have equal digests, in every process and with every MLflow release.
"""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any

import numpy as np
from mlflow.models import ModelSignature
from mlflow.types.schema import (
    AnyType,
    Array,
    ColSpec,
    DataType,
    Map,
    Object,
    ParamSpec,
    SparkMLVector,
    TensorSpec,
)

from modelpact._internal.text import preview
from modelpact.errors import SignError
from modelpact.signature.language.type_names import ColumnType, type_name

__all__ = ["canonical_form", "default_form", "digest"]


def digest(signature: ModelSignature) -> str:
    """Return the digest of a signature: the SHA-256 of its canonical JSON, 64 hex characters.

    The order of columns matters, because unnamed columns have nothing else. The order of the
    properties of an object does not.

    Raises:
        SignError: JSON cannot hold the default of a param, so that MLflow could not store it.

    Example:
        >>> from modelpact.signature.language.spec import parse
        >>> digest(parse({"inputs": {"age": "long"}}))[:16]
        '3210275d102a25d1'
    """
    text = json.dumps(
        canonical_form(signature),
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=True,
        allow_nan=False,
    )
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def canonical_form(signature: ModelSignature) -> dict[str, Any]:
    """Return a signature as plain data that does not depend on MLflow's own JSON.

    Example:
        >>> from modelpact.signature.language.spec import parse
        >>> canonical_form(parse({"inputs": {"age": "long"}}))
        {'format': 1, 'inputs': [{'name': 'age', 'type': 'long', 'required': True}]}
    """
    form: dict[str, object] = {"format": 1}
    for part in ("inputs", "outputs", "params"):
        schema = getattr(signature, part)
        # MLflow stores an empty ParamSchema as None.
        if schema:
            form[part] = [_spec_form(spec) for spec in schema]
    return form


def _spec_form(spec: ColSpec | TensorSpec | ParamSpec) -> dict[str, object]:
    if isinstance(spec, TensorSpec):
        shape = [default_form(axis) for axis in spec.shape]
        return {"name": spec.name, "dtype": spec.type.name, "shape": shape}
    if isinstance(spec, ColSpec):
        return {"name": spec.name, "type": _type_form(spec.type), "required": bool(spec.required)}
    return {
        "name": spec.name,
        "type": _type_form(spec.dtype),
        "shape": None if spec.shape is None else list(spec.shape),
        "default": default_form(spec.default),
    }


def _type_form(dtype: ColumnType) -> object:
    match dtype:
        case DataType() | AnyType() | SparkMLVector():
            return type_name(dtype)
        case Array():
            return {"array": _type_form(dtype.dtype)}
        case Map():
            return {"map": _type_form(dtype.value_type)}
        case Object():
            properties = dtype.properties
            return {
                "object": {
                    prop.name: [_type_form(prop.dtype), bool(prop.required)] for prop in properties
                }
            }
    raise TypeError(f"unknown type {type(dtype).__name__} in a signature")


def default_form(value: object) -> object:
    """Return a default as JSON.

    Whole floats become integers, because Python considers them equal; datetimes become ISO 8601.
    """
    match value:
        case np.generic():
            return default_form(value.item())
        case float():
            return _float_form(value)
        case None | bool() | int() | str():
            return value
        case list() | tuple():
            return list(map(default_form, value))
        case dict():
            return {"object": {str(key): default_form(item) for key, item in value.items()}}
    if hasattr(value, "isoformat"):
        return {"moment": value.isoformat()}
    raise SignError(
        f"the default {preview(value)} ({type(value).__name__}) of a param is not JSON",
        remedy="Use strings, numbers, booleans, datetimes, lists or dicts.",
    )


def _float_form(value: float) -> object:
    if not math.isfinite(value):
        return {"float": repr(value)}
    return int(value) if value.is_integer() else value
