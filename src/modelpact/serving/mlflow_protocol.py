"""The two forms of a request: modelpact's own, and the envelopes of MLflow's scoring protocol."""

from __future__ import annotations

import csv
import io
import math
from typing import TYPE_CHECKING, Any

from modelpact.serving.http_errors import HttpError

if TYPE_CHECKING:
    from mlflow.types.schema import Schema

__all__ = ["ENVELOPES", "invocation", "parse_csv", "question"]

ENVELOPES = ("dataframe_split", "dataframe_records", "instances", "inputs")
"""The keys of MLflow's protocol, of which a request has exactly one, beside `params`."""


def question(body: Any, columns: bool) -> tuple[Any, dict[str, Any] | None]:
    """Inputs and params of modelpact's own form: `{"inputs": [...], "params": {...}}`.

    Args:
        body: Parsed JSON.
        columns: Whether the contract is of columns, whose inputs are a list of rows.

    Raises:
        HttpError: 422: It is not of that form.
    """
    if not isinstance(body, dict):
        raise _malformed("an object with inputs and, optionally, params")
    unknown = sorted(key for key in body if key not in {"inputs", "params"})
    if unknown or "inputs" not in body:
        raise _malformed("the keys inputs and, optionally, params, and no others")
    if columns and not isinstance(body["inputs"], list):
        raise _malformed("a list of rows", "inputs")
    return body["inputs"], _params(body)


def invocation(body: Any, schema: Schema | None) -> tuple[Any, dict[str, Any] | None]:
    """Inputs and params of a request in MLflow's protocol.

    Args:
        body: Parsed JSON.
        schema: The inputs of the contract.

    Raises:
        HttpError: 422: It is not of that protocol.
    """
    given = [key for key in ENVELOPES if isinstance(body, dict) and key in body]
    if len(given) != 1:
        raise _malformed(f"exactly one of {', '.join(ENVELOPES)}")
    (envelope,) = given
    unknown = sorted(set(body) - {envelope, "params"})
    if unknown:
        raise _malformed(f"{envelope} and, optionally, params, and no other keys")
    found = body[envelope]
    if envelope == "dataframe_split":
        return _split(found), _params(body)
    if envelope == "dataframe_records":
        if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
            raise _malformed("a list of objects", envelope)
        return found, _params(body)
    if envelope == "instances":
        return _instances(found, schema), _params(body)
    return found, _params(body)


def parse_csv(body: bytes, schema: Schema | None) -> Any:
    """A CSV body as a frame; columns that the contract has as text stay text, and an empty value is a null.

    Raises:
        HttpError: 400: It is not CSV: rows of other lengths than the first line, a name twice, Infinity.
    """
    import pandas as pd
    from mlflow.types.schema import DataType

    columns = schema is not None and not schema.is_tensor_spec()
    named = schema is not None and columns and schema.has_input_names()
    texts = (
        {name: str for name, kind in schema.input_types_dict().items() if kind == DataType.string}
        if named and schema
        else {}
    )
    nullable: Any = (
        {"dtype_backend": "numpy_nullable"} if columns else {}
    )  # whole numbers stay whole beside an empty value
    try:
        text = body.decode("utf-8-sig")
        _rectangular(text)
        frame = pd.read_csv(io.StringIO(text), dtype=texts, low_memory=False, **nullable)
    except (
        ValueError,
        OverflowError,
        csv.Error,
    ):  # UnicodeDecodeError, and those of pandas, are ValueErrors
        raise HttpError(
            400,
            "NOT_CSV",
            "the body is not CSV in UTF-8: a line of names, and in each row as many values",
        ) from None
    if any(
        frame[name].isin([math.inf, -math.inf]).any()
        for name in frame.select_dtypes("number").columns
    ):
        raise HttpError(400, "NOT_CSV", "Infinity is no number here")
    return frame


def _rectangular(text: str) -> None:
    """Refuse what pandas would read in its own way: longer rows move all values by a column, shorter ones are filled up."""
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    names = next(rows, [])
    if (
        not names
        or len(set(names)) != len(names)
        or any(row and len(row) != len(names) for row in rows)
    ):
        raise ValueError


def _split(found: Any) -> Any:
    columns, data = (
        (found.get("columns"), found.get("data")) if isinstance(found, dict) else (None, None)
    )
    if not isinstance(data, list) or not all(isinstance(row, list) for row in data):
        raise _malformed("an object with columns and data, a list of lists", "dataframe_split")
    if columns is None:
        return data
    if not isinstance(columns, list) or len(set(map(str, columns))) != len(columns):
        raise _malformed("a list of names, each once", "dataframe_split.columns")
    wrong = next((number for number, row in enumerate(data) if len(row) != len(columns)), None)
    if wrong is not None:
        raise _malformed(f"{len(columns)} values", "dataframe_split.data", wrong)
    return [dict(zip(map(str, columns), row, strict=True)) for row in data]


def _instances(found: Any, schema: Schema | None) -> Any:
    """Rows; under a contract of named tensors, one tensor a name is made of them."""
    if not isinstance(found, list):
        raise _malformed("a list", "instances")
    if schema is None or not schema.is_tensor_spec() or not schema.has_input_names() or not found:
        return found
    if not all(isinstance(row, dict) and row.keys() == found[0].keys() for row in found):
        raise _malformed("objects that all have the same keys", "instances")
    return {name: [row[name] for row in found] for name in found[0]}


def _params(body: dict[str, Any]) -> dict[str, Any] | None:
    params = body.get("params")
    if params is not None and not isinstance(params, dict):
        raise _malformed("an object", "params")
    return params


def _malformed(expected: str, path: str = "", row: int | None = None) -> HttpError:
    failure = {"code": "WRONG_KIND", "path": path, "row": row, "expected": expected}
    message = "the request breaks the contract in 1 place"
    return HttpError(422, "INPUTS_BREAK_CONTRACT", message, failures=[failure], total=1)
