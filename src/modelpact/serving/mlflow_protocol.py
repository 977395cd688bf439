"""Parses the bodies of `/predict` and of MLflow's scoring protocol."""

from __future__ import annotations

import csv
import io
import math
from typing import TYPE_CHECKING, Any

from modelpact._internal.type_checks import is_list_of
from modelpact.serving.http_errors import HttpError

if TYPE_CHECKING:
    import pandas as pd
    from mlflow.types.schema import ParamSchema, Schema

__all__ = ["ENVELOPES", "LLM_KEYS", "parse_csv", "parse_invocation", "parse_llm", "parse_predict"]

ENVELOPES = ("dataframe_split", "dataframe_records", "instances", "inputs")
"""The keys of MLflow's protocol; a request has exactly one of them, and optionally `params`."""

LLM_KEYS = ("messages", "prompt", "input")
"""The keys of a body without an envelope, as clients of language models send it."""

Call = tuple[Any, dict[str, Any] | None]
"""Inputs and params."""


def parse_predict(body: object, is_columns: bool) -> Call:
    """Return the inputs and params of `{"inputs": [...], "params": {...}}`.

    Args:
        body: Parsed JSON.
        is_columns: Whether the signature has columns, so that the inputs are a list of rows.

    Raises:
        HttpError: 422 if the body has another form.
    """
    if not isinstance(body, dict):
        raise _malformed("an object with inputs and optional params")
    if "inputs" not in body or body.keys() - {"inputs", "params"}:
        raise _malformed("the keys inputs and optional params, and no others")
    if is_columns and not isinstance(body["inputs"], list):
        raise _malformed("a list of rows", "inputs")
    return body["inputs"], _parse_params(body)


def parse_invocation(body: Any, schema: Schema | None) -> Call:
    """Return the inputs and params of a request in MLflow's protocol.

    Args:
        body: Parsed JSON.
        schema: The inputs of the signature.

    Raises:
        HttpError: 422 if the body does not follow the protocol.
    """
    given = [key for key in ENVELOPES if isinstance(body, dict) and key in body]
    if len(given) != 1:
        raise _malformed(f"exactly one of {', '.join(ENVELOPES)}")
    envelope = given[0]
    if body.keys() - {envelope, "params"}:
        raise _malformed(f"{envelope} and optional params, and no other keys")
    return _parse_envelope(envelope, body[envelope], schema), _parse_params(body)


def parse_llm(body: object, params: ParamSchema | None) -> Call | None:
    """Return the inputs and params of a body without an envelope; None for any other body.

    MLflow's server responds to such a body without an envelope, too.

    Args:
        body: Parsed JSON.
        params: The params of the signature; the other keys of the body are inputs.
    """
    keys = body.keys() if isinstance(body, dict) else set()
    if not isinstance(body, dict) or not keys & set(LLM_KEYS) or keys & set(ENVELOPES):
        return None
    names = {spec.name for spec in params or ()}
    inputs = {key: value for key, value in body.items() if key not in names}
    return inputs, {key: body[key] for key in body if key in names} or None


def _parse_envelope(envelope: str, value: object, schema: Schema | None) -> object:
    if envelope == "dataframe_split":
        return _parse_split(value, schema)
    if envelope == "dataframe_records":
        if not is_list_of(value, dict):
            raise _malformed("a list of objects", envelope)
        return value
    return _parse_instances(value, schema) if envelope == "instances" else value


def parse_csv(body: bytes, schema: Schema | None) -> pd.DataFrame:
    """Return a CSV body as a DataFrame; columns of strings stay text, empty values are null.

    Raises:
        HttpError: 400 if the body is not CSV, has rows of different lengths, duplicate names or
            Infinity.
    """
    import pandas as pd

    is_columns = schema is not None and not schema.is_tensor_spec()
    # Integers stay integers next to an empty value.
    options: dict[str, Any] = {"dtype_backend": "numpy_nullable"} if is_columns else {}
    try:
        text = body.decode("utf-8-sig")
        _check_rectangular(text)
        frame: pd.DataFrame = pd.read_csv(
            io.StringIO(text), dtype=_string_columns(schema), low_memory=False, **options
        )
    # UnicodeDecodeError and the errors of pandas are ValueErrors.
    except (ValueError, OverflowError, csv.Error):
        expected = "a header of unique names, then as many values in each row"
        raise HttpError(400, "NOT_CSV", f"the body is not CSV in UTF-8: send {expected}") from None
    for name in frame.select_dtypes("number").columns:
        if frame[name].isin([math.inf, -math.inf]).any():
            raise HttpError(400, "NOT_CSV", "the body contains Infinity")
    return frame


def _string_columns(schema: Schema | None) -> dict[str, type[str]]:
    from mlflow.types.schema import DataType

    if schema is None or schema.is_tensor_spec() or not schema.has_input_names():
        return {}
    types = schema.input_types_dict()
    return {name: str for name, kind in types.items() if kind == DataType.string}


def _check_rectangular(text: str) -> None:
    """Reject rows of other lengths, which pandas shifts or fills.

    Raises:
        ValueError: The rows have different lengths, or the header has duplicates.
    """
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    names = next(rows, [])
    if not names or len(set(names)) != len(names):
        raise ValueError("the header is empty or has duplicates")
    if any(row and len(row) != len(names) for row in rows):
        raise ValueError("the rows have different lengths")


def _parse_split(value: object, schema: Schema | None) -> object:
    fields = value if isinstance(value, dict) else {}
    columns, data = fields.get("columns"), fields.get("data")
    if not is_list_of(data, list):
        raise _malformed("an object with columns and data, a list of lists", "dataframe_split")
    is_unnamed = schema is not None and not schema.has_input_names()
    if columns is None or (is_unnamed and columns == list(range(len(schema or ())))):
        return data
    if not isinstance(columns, list) or len(set(map(str, columns))) != len(columns):
        raise _malformed("a list of unique names", "dataframe_split.columns")
    for number, row in enumerate(data):
        if len(row) != len(columns):
            raise _malformed(f"{len(columns)} values", "dataframe_split.data", number)
    return [dict(zip(map(str, columns), row, strict=True)) for row in data]


def _parse_instances(value: object, schema: Schema | None) -> object:
    """Return rows; for a signature of named tensors, one list per name."""
    if isinstance(value, dict):
        return value
    if not isinstance(value, list):
        raise _malformed("a list or an object", "instances")
    if not value or not _has_named_tensors(schema):
        return value
    names = value[0]
    if not is_list_of(value, dict) or any(row.keys() != names.keys() for row in value):
        raise _malformed("objects with the same keys", "instances")
    return {name: [row[name] for row in value] for name in names}


def _has_named_tensors(schema: Schema | None) -> bool:
    return schema is not None and schema.is_tensor_spec() and schema.has_input_names()


def _parse_params(body: dict[str, object]) -> dict[str, object] | None:
    params = body.get("params")
    if params is not None and not isinstance(params, dict):
        raise _malformed("an object", "params")
    return params


def _malformed(expected: str, path: str = "", row: int | None = None) -> HttpError:
    failure = {"code": "WRONG_KIND", "path": path, "row": row, "expected": expected}
    message = "the request violates the signature in 1 place"
    return HttpError(422, "INPUTS_BREAK_CONTRACT", message, failures=[failure], total=1)
