"""Inputs and params as JSON carries them: in the form of `/predict`, and in the envelopes of MLflow's scoring protocol."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from modelpact.serving.request_body import plain

if TYPE_CHECKING:
    from mlflow.types.schema import Schema

__all__ = ["NotJsonEncodable", "encode_request", "envelopes"]


class NotJsonEncodable(ValueError):
    """A payload holds what JSON cannot carry."""


def encode_request(
    inputs: Any, params: Mapping[str, Any] | None = None, *, schema: Schema | None = None
) -> dict[str, Any]:
    """The body of a request to `/predict`.

    Args:
        inputs: As `Adapter.predict` takes them. A frame becomes a list of rows: objects where its columns are named by texts,
            lists where they are numbered, plain values where there is but column 0, as a contract of one column without a
            name takes them.
        params: Inference parameters by name; None for none.
        schema: The inputs of the contract; None for none.

    Returns:
        What `json.dumps` takes; NaN in a column is null.

    Raises:
        NotJsonEncodable: There are bytes, complex numbers, spans of time, Infinity, keys that are no texts, or a tensor of moments, with
            NaN, or of a shape that nested lists do not have: without axes, or with axes after an empty one.

    Example:
        >>> import pandas as pd
        >>> encode_request(pd.DataFrame({"age": [1.5, float("nan")]}), {"top": 3})
        {'inputs': [{'age': 1.5}, {'age': None}], 'params': {'top': 3}}
    """
    for tensor in inputs.values() if isinstance(inputs, dict) else [inputs]:
        if hasattr(tensor, "shape") and not hasattr(tensor, "columns"):
            _check_tensor(tensor)
    values = (
        schema is None or schema.is_tensor_spec() or [spec.name for spec in schema.inputs] == [None]
    )
    body = {
        "inputs": _table(inputs, values=values)
        if hasattr(inputs, "columns")
        else _value(inputs, nan=False)
    }
    return body if params is None else {**body, "params": _value(dict(params))}


def envelopes(inputs: Any, schema: Schema | None) -> dict[str, Any]:
    """The same inputs in each envelope of MLflow's protocol that can hold them.

    Args:
        inputs: `inputs` as `encode_request` made them.
        schema: The inputs of the contract.

    Example:
        >>> envelopes([{"a": 1}], None)["dataframe_split"]
        {'columns': ['a'], 'data': [[1]]}
    """
    found = {"inputs": inputs}
    if isinstance(inputs, dict) and schema is not None and schema.is_tensor_spec():
        lengths = {len(tensor) for tensor in inputs.values() if isinstance(tensor, list)}
        if (
            len(lengths) == 1
            and all(isinstance(tensor, list) for tensor in inputs.values())
            and lengths != {0}
        ):
            found["instances"] = [
                dict(zip(inputs, row, strict=True)) for row in zip(*inputs.values(), strict=True)
            ]
    elif isinstance(inputs, list):
        found["instances"] = inputs
        if inputs and all(isinstance(row, dict) for row in inputs):
            found["dataframe_records"] = inputs
            columns = list(inputs[0])
            if all(list(row) == columns for row in inputs):
                found["dataframe_split"] = {
                    "columns": columns,
                    "data": [list(row.values()) for row in inputs],
                }
        elif (
            inputs
            and all(isinstance(row, list) for row in inputs)
            and (schema is None or not schema.is_tensor_spec())
        ):
            found["dataframe_split"] = {"data": inputs}
    return found


def _check_tensor(tensor: Any) -> None:
    if not tensor.shape or 0 in tensor.shape[:-1]:
        raise NotJsonEncodable(f"a tensor of shape {tuple(tensor.shape)}")
    if tensor.dtype.kind in "mMcS":
        raise NotJsonEncodable(f"a tensor of {tensor.dtype}")


def _table(frame: Any, *, values: bool) -> Any:
    """The rows; `values` says whether a row of column 0 alone is a plain value."""
    labels = list(frame.columns)
    columns = [
        [_value(cell) for cell in frame.iloc[:, place].tolist()] for place in range(len(labels))
    ]
    if labels == [0] and values:
        return columns[0]
    rows = zip(*columns, strict=True) if labels else [()] * len(frame)
    if labels == list(range(len(labels))) and labels:
        return [list(row) for row in rows]
    if not all(isinstance(label, str) for label in labels):
        raise NotJsonEncodable("a column's name is no text")
    return [dict(zip(labels, row, strict=True)) for row in rows]


def _value(value: Any, *, nan: bool = True) -> Any:
    """A value; `nan` says whether NaN may be null."""
    if isinstance(value, float):
        if math.isinf(value) or (math.isnan(value) and not nan):
            raise NotJsonEncodable("a number that is not finite")
        return None if math.isnan(value) else value
    if isinstance(value, (str, bool, int)) or value is None:
        return value
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise NotJsonEncodable("a key is no text")
        return {key: _value(item, nan=nan) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_value(item, nan=nan) for item in value]
    if getattr(getattr(value, "dtype", None), "kind", "") == "M":
        return plain(value)
    if hasattr(value, "tolist"):
        return _value(value.tolist(), nan=nan)
    if isinstance(value, (bytes, bytearray, complex, datetime.timedelta)):
        raise NotJsonEncodable(f"a {type(value).__name__}")
    return plain(value)
