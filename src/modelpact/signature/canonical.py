"""The digest of a signature: two signatures that say the same have the same, in every process and for every MLflow release."""

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
    ParamSpec,
    SparkMLVector,
    TensorSpec,
)

from modelpact._internal.text import preview
from modelpact.errors import SignError

__all__ = ["canonical_form", "digest"]


def digest(signature: ModelSignature) -> str:
    """The SHA-256 of a signature's canonical JSON, in hex (64 characters).

    The order of columns counts, since unnamed columns and MLflow's own output have one; that of an object's properties does not.

    Raises:
        SignError: A param's default is no JSON and no moment, so that MLflow could not store it either.

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
    """What the digest is taken of: plain data that does not depend on how MLflow words its own JSON.

    Example:
        >>> from modelpact.signature.language.spec import parse
        >>> canonical_form(parse({"inputs": {"age": "long"}}))
        {'format': 1, 'inputs': [{'name': 'age', 'type': 'long', 'required': True}]}
    """
    parts: dict[str, Any] = {"format": 1}
    for part in ("inputs", "outputs", "params"):
        schema = getattr(signature, part)
        if schema:  # MLflow stores a ParamSchema of no params as none at all
            parts[part] = [_entry(item) for item in schema]
    return parts


def _entry(item: ColSpec | TensorSpec | ParamSpec) -> dict[str, Any]:
    if isinstance(item, TensorSpec):
        return {
            "name": item.name,
            "dtype": item.type.name,
            "shape": [_plain(axis) for axis in item.shape],
        }
    if isinstance(item, ColSpec):
        return {"name": item.name, "type": _type(item.type), "required": bool(item.required)}
    shape = None if item.shape is None else list(item.shape)
    return {
        "name": item.name,
        "type": _type(item.dtype),
        "shape": shape,
        "default": _plain(item.default),
    }


def _type(dtype: Any) -> Any:
    if isinstance(dtype, DataType):
        return dtype.name
    if isinstance(dtype, AnyType):
        return "any"
    if isinstance(dtype, SparkMLVector):
        return "sparkml_vector"
    if isinstance(dtype, Array):
        return {"array": _type(dtype.dtype)}
    if isinstance(dtype, Map):
        return {"map": _type(dtype.value_type)}
    return {
        "object": {prop.name: [_type(prop.dtype), bool(prop.required)] for prop in dtype.properties}
    }


def _plain(value: Any) -> Any:
    """A default as JSON: whole floats as integers (Python calls them equal), other floats exactly, moments in ISO 8601."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return (
            {"float": repr(value)}
            if not math.isfinite(value)
            else int(value)
            if value.is_integer()
            else value
        )
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {"object": {str(key): _plain(item) for key, item in value.items()}}
    if hasattr(value, "isoformat"):
        return {"moment": value.isoformat()}
    raise SignError(
        f"the signature has a default that JSON cannot hold: {preview(value)} ({type(value).__name__})",
        remedy="Use text, numbers, booleans, moments, lists or dicts.",
    )
