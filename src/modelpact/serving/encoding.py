"""Encodes inputs and params as JSON requests, for `/predict` and for MLflow's protocol."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from modelpact._internal.schema_kinds import has_columns, has_tensors
from modelpact._internal.type_checks import is_list_of
from modelpact.datatypes import to_json, to_python

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from mlflow.types.schema import Schema

__all__ = ["NotJsonEncodable", "encode_envelopes", "encode_request"]


class NotJsonEncodable(ValueError):
    """A payload contains a value that JSON cannot represent."""


def encode_request(
    inputs: Any, params: Mapping[str, Any] | None = None, *, schema: Schema | None = None
) -> dict[str, Any]:
    """Return the body of a request to `/predict`.

    A DataFrame becomes a list of rows: objects if its columns have names, lists if they are
    numbered, and plain values if the signature has one unnamed column. NaN in a column or a tensor
    becomes null, and bytes become base64 text.

    Args:
        inputs: Inputs as for `Adapter.predict`.
        params: Inference parameters; None for none.
        schema: The inputs of the signature; None for none.

    Raises:
        NotJsonEncodable: The inputs contain complex numbers, timedeltas, Infinity, keys that
            are not strings, or a tensor of a shape that nested lists cannot represent: without
            axes, or with axes after an empty one.

    Example:
        >>> import pandas as pd
        >>> encode_request(pd.DataFrame({"age": [1.5, float("nan")]}), {"top": 3})
        {'inputs': [{'age': 1.5}, {'age': None}], 'params': {'top': 3}}
    """
    body = {"inputs": _encode_inputs(inputs, schema)}
    return body if params is None else {**body, "params": _encode(to_python(dict(params)))}


def _encode_inputs(inputs: Any, schema: Schema | None) -> Any:
    if hasattr(inputs, "columns"):
        return _encode_frame(inputs, unwrap=_has_plain_rows(schema))
    for tensor in inputs.values() if isinstance(inputs, dict) else [inputs]:
        if hasattr(tensor, "shape") and not hasattr(tensor, "columns"):
            _check_tensor(tensor)
    return _encode(to_python(inputs), nan_as_null=has_tensors(schema))


def _has_plain_rows(schema: Schema | None) -> bool:
    """Return whether a row of one column is a plain value instead of a list."""
    return not has_columns(schema) or [spec.name for spec in schema.inputs] == [None]


def encode_envelopes(inputs: object, schema: Schema | None) -> dict[str, object]:
    """Return encoded inputs in each envelope of MLflow's protocol that can represent them.

    Args:
        inputs: The `inputs` of a body that `encode_request` returned.
        schema: The inputs of the signature.

    Example:
        >>> encode_envelopes([{"a": 1}], None)["dataframe_split"]
        {'columns': ['a'], 'data': [[1]]}
    """
    found = {"inputs": inputs}
    if isinstance(inputs, dict) and has_tensors(schema):
        found |= _tensor_envelopes(inputs)
    elif isinstance(inputs, list):
        found |= {"instances": inputs} | _row_envelopes(inputs, schema)
    return found


def _row_envelopes(rows: list[object], schema: Schema | None) -> dict[str, object]:
    if not rows:
        return {}
    if has_columns(schema) and schema.input_names() == [0]:
        return {"dataframe_split": {"columns": [0], "data": [[row] for row in rows]}}
    if is_list_of(rows, dict):
        return _record_envelopes(rows)
    if is_list_of(rows, list) and not has_tensors(schema):
        return {"dataframe_split": {"data": rows}}
    return {}


def _tensor_envelopes(tensors: dict[str, Any]) -> dict[str, Any]:
    """Return named tensors as instances, if all have the same number of rows."""
    if not is_list_of(list(tensors.values()), list):
        return {}
    lengths = set(map(len, tensors.values()))
    if len(lengths) != 1 or lengths == {0}:
        return {}
    rows = zip(*tensors.values(), strict=True)
    return {"instances": [dict(zip(tensors, row, strict=True)) for row in rows]}


def _record_envelopes(rows: list[dict[str, object]]) -> dict[str, object]:
    envelopes: dict[str, object] = {"dataframe_records": rows}
    columns = list(rows[0])
    if all(list(row) == columns for row in rows):
        data = [list(row.values()) for row in rows]
        envelopes["dataframe_split"] = {"columns": columns, "data": data}
    return envelopes


def _check_tensor(tensor: np.ndarray) -> None:
    if not tensor.shape or 0 in tensor.shape[:-1]:
        raise NotJsonEncodable(f"a tensor of shape {tuple(tensor.shape)}")
    if tensor.dtype.kind in "mc":
        raise NotJsonEncodable(f"a tensor of {tensor.dtype}")


def _encode_frame(frame: pd.DataFrame, *, unwrap: bool) -> list[Any]:
    """Return the rows; with `unwrap`, rows of a single column 0 are plain values."""
    labels: list[Any] = list(frame.columns)
    columns = [_encode(to_python(column)) for _, column in frame.items()]
    if not columns:
        return [{} for _ in range(len(frame))]
    if labels == [0] and unwrap:
        return list(columns[0])
    rows = zip(*columns, strict=True)
    if labels == list(range(len(labels))):
        return list(map(list, rows))
    if not is_list_of(labels, str):
        raise NotJsonEncodable("a column name that is not a string")
    return [dict(zip(labels, row, strict=True)) for row in rows]


def _encode(value: object, *, nan_as_null: bool = True) -> Any:
    if isinstance(value, float):
        return _encode_float(value, nan_as_null)
    if isinstance(value, (str, bool, int)) or value is None:
        return value
    if isinstance(value, dict):
        return _encode_mapping(value, nan_as_null)
    if isinstance(value, list):
        return [_encode(item, nan_as_null=nan_as_null) for item in value]
    if isinstance(value, (complex, datetime.timedelta)):
        raise NotJsonEncodable(f"a {type(value).__name__}")
    return to_json(value)


def _encode_mapping(mapping: dict[object, object], nan_as_null: bool) -> dict[str, object]:
    encoded = {}
    for key, item in mapping.items():
        if not isinstance(key, str):
            raise NotJsonEncodable("a key that is not a string")
        encoded[key] = _encode(item, nan_as_null=nan_as_null)
    return encoded


def _encode_float(number: float, nan_as_null: bool) -> float | None:
    if math.isfinite(number):
        return number
    if math.isnan(number) and nan_as_null:
        return None
    raise NotJsonEncodable("a number that is not finite")
