"""Parses the bodies of `/predict` and of MLflow's scoring protocol."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from modelpact._internal.schema_kinds import has_columns, has_tensors, input_names, list_specs
from modelpact._internal.type_checks import is_list_of
from modelpact.serving.http_errors import HttpError

if TYPE_CHECKING:
    import pandas as pd
    from mlflow.types.schema import ParamSchema, Schema

__all__ = [
    "ENVELOPES",
    "LLM_KEYS",
    "PARQUET",
    "as_mlflow_table",
    "limit_cells",
    "parse_csv",
    "parse_invocation",
    "parse_llm",
    "parse_parquet",
    "parse_predict",
]

ENVELOPES = ("dataframe_split", "dataframe_records", "instances", "inputs")
"""The keys of MLflow's protocol; a request has exactly one of them. Keys other than `params` are
ignored."""

LLM_KEYS = ("messages", "prompt", "input")
"""The keys of a body without an envelope, as clients of language models send it."""

PARQUET = "application/vnd.apache.parquet"
"""The media type of Parquet files in MLflow's protocol."""

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
    parse = _PARSERS[envelope]
    return parse(body[envelope], _read_form(schema)), _parse_params(body)


class _Form(NamedTuple):
    """The form of the inputs: tensors or columns, with names or without."""

    is_tensors: bool
    names: list[str]
    n_unnamed: int


def _read_form(schema: Schema | None) -> _Form:
    names = input_names(schema)
    return _Form(has_tensors(schema), names, len(list_specs(schema)) - len(names))


def parse_llm(body: object, params: ParamSchema | None) -> Call | None:
    """Return the inputs and params of a body with a key of `LLM_KEYS`; None for any other body.

    MLflow's server responds to such a body without an envelope, too.

    Args:
        body: Parsed JSON.
        params: The params of the signature; the other keys of the body are inputs.
    """
    if not isinstance(body, dict) or not body.keys() & set(LLM_KEYS):
        return None
    given = {spec.name: body[spec.name] for spec in params or () if spec.name in body}
    return {key: value for key, value in body.items() if key not in given}, given or None


def _parse_records(value: Any, form: _Form) -> object:
    if not is_list_of(value, dict):
        raise _malformed("a list of objects", "dataframe_records")
    return _to_frame(value) if form.is_tensors else value


def _parse_instances(value: Any, form: _Form) -> object:
    if _is_list_of_values(value) or not (form.is_tensors and form.names):
        return _parse_inputs(value, form)
    if isinstance(value, dict):
        _check_equal_lengths(list(value.values()))
    return _merge_instances(value) if is_list_of(value, dict) else value


def _parse_inputs(value: Any, form: _Form) -> object:
    # The values of the only input need no name.
    is_only_input = len(form.names) == 1 and _is_list_of_values(value)
    return {form.names[0]: value} if is_only_input else value


def _is_list_of_values(value: Any) -> bool:
    return isinstance(value, list) and not any(isinstance(item, dict) for item in value)


def _merge_instances(rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Return one list per name of a signature of named tensors."""
    names = rows[0]
    if any(row.keys() != names.keys() for row in rows):
        raise _malformed("objects with the same keys", "instances")
    return {name: [row[name] for row in rows] for name in names}


def _check_equal_lengths(values: list[Any]) -> None:
    if is_list_of(values, list) and len(set(map(len, values))) > 1:
        raise _malformed("lists of the same length", "instances")


def _to_frame(rows: list[Any], columns: list[Any] | None = None) -> pd.DataFrame:
    """Return rows as a DataFrame whose cells are the values of JSON themselves."""
    import pandas as pd

    return pd.DataFrame(rows, columns=columns, dtype=object)


def parse_csv(body: bytes, schema: Schema | None) -> pd.DataFrame:
    """Return a CSV body as a DataFrame; columns of strings stay text, empty values are null.

    Raises:
        HttpError: 400 if the body is not CSV, or has rows of different lengths or duplicate names.
    """
    import pandas as pd

    # Integers stay integers next to an empty value.
    options: dict[str, Any] = {"dtype_backend": "numpy_nullable"} if has_columns(schema) else {}
    try:
        text = body.decode("utf-8-sig")
        used = _select_columns(_check_rectangular(text), schema)
        frame: pd.DataFrame = pd.read_csv(
            io.StringIO(text), usecols=used, dtype=_csv_types(schema), low_memory=False, **options
        )
    # UnicodeDecodeError and the errors of pandas are ValueErrors.
    except (ValueError, OverflowError, csv.Error):
        expected = "a header of unique names, then as many values in each row"
        raise HttpError(400, "NOT_CSV", f"the body is not CSV in UTF-8: send {expected}") from None
    return frame


def _select_columns(names: Sequence[str], schema: Schema | None) -> list[int]:
    """Return the positions of the columns that are read.

    pandas takes long for a million columns, so most of those that are not in the signature are left
    out; the rest are enough for a warning or an error about them.
    """
    known = set(input_names(schema)) if has_columns(schema) else set(names)
    n_others = len(list_specs(schema)) - len(known) + MAX_UNKNOWN
    others = [position for position, name in enumerate(names) if name not in known]
    left_out = set(others[max(n_others, MAX_UNKNOWN) :])
    return [position for position in range(len(names)) if position not in left_out]


def limit_cells(inputs: Any, schema: Schema | None) -> Any:
    """Return rows of cells without those that are far beyond the columns of the signature."""
    from mlflow.types.schema import DataType

    kinds = [spec.type for spec in list_specs(schema)]
    is_row = has_columns(schema) and (
        len(kinds) > 1 or bool(input_names(schema)) or kinds[0] in list(DataType)
    )
    if not is_row or not isinstance(inputs, list):
        return inputs
    limit = len(kinds) + MAX_UNKNOWN
    return [row[:limit] if isinstance(row, list) else row for row in inputs]


MAX_UNKNOWN = 1_000
"""Columns that are not in the signature and are read nevertheless."""


def _csv_types(schema: Schema | None) -> dict[str, Any]:
    """Return the dtypes of the columns that pandas must not infer: text, and 32-bit floats."""
    from mlflow.types.schema import DataType

    if not has_columns(schema):
        return {}
    kinds = {"string": str, "binary": str, "datetime": str, "float": "Float32"}
    return {
        name: kinds[kind.name]
        for name, kind in zip(input_names(schema), schema.input_types(), strict=False)
        if isinstance(kind, DataType) and kind.name in kinds
    }


def parse_parquet(body: bytes, max_bytes: int, schema: Schema | None) -> pd.DataFrame:
    """Return a Parquet file as a DataFrame.

    Args:
        body: The file.
        max_bytes: The size of the largest body; also that of the file without compression.
        schema: The inputs of the signature.

    Raises:
        HttpError: 400 if the body is not a Parquet file, 413 if it is too large.
    """
    import pyarrow as pa
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(pa.BufferReader(body))
        chunks = _list_chunks(file)
        # A JSON body has fewer values than bytes.
        if sum(max(c.num_values, c.total_uncompressed_size) for c in chunks) > max_bytes:
            message = f"the file is larger than {max_bytes} bytes without compression"
            raise HttpError(413, "BODY_TOO_LARGE", message)
        names = file.schema_arrow.names
        used = [names[position] for position in _select_columns(names, schema)]
        return _read_parquet(file, chunks, max_bytes, used)
    # The errors of Arrow are ValueErrors, OSErrors and others; pandas may raise TypeErrors.
    except (pa.ArrowException, ValueError, OSError, TypeError):
        raise HttpError(400, "NOT_PARQUET", "the body is not a Parquet file") from None


def _list_chunks(file: Any) -> list[Any]:
    """Return the metadata of each column of each row group."""
    groups = [file.metadata.row_group(i) for i in range(file.num_row_groups)]
    return [group.column(i) for group in groups for i in range(group.num_columns)]


def _read_parquet(file: Any, chunks: list[Any], max_bytes: int, columns: list[str]) -> pd.DataFrame:
    import pandas as pd
    import pyarrow as pa

    # A text of a dictionary may occur in every row, so few rows at a time are decoded.
    texts = [c.total_uncompressed_size for c in chunks if c.physical_type == "BYTE_ARRAY"]
    n_rows = max(2**26 // max(texts, default=1), 1)
    batches, size = [], 0
    batch_size = min(n_rows, 2**16)
    for batch in file.iter_batches(batch_size, columns=columns, use_threads=False):
        size += batch.nbytes
        if size > DECODED_FACTOR * max_bytes:
            message = f"the values of the file are larger than {size} bytes"
            raise HttpError(413, "BODY_TOO_LARGE", message)
        batches.append(batch)
    wanted = set(columns)
    fields = [field for field in file.schema_arrow if field.name in wanted]
    schema = pa.schema(fields, file.schema_arrow.metadata)
    table = pa.Table.from_batches(batches, schema)
    nullable = {
        pa.int64(): pd.Int64Dtype(),
        pa.int32(): pd.Int32Dtype(),
        pa.bool_(): pd.BooleanDtype(),
    }
    frame: pd.DataFrame = table.to_pandas(types_mapper=nullable.get)
    return frame.reset_index(drop=True)


DECODED_FACTOR = 10
"""The values of a Parquet file may take this multiple of the size of the largest body."""


def _check_rectangular(text: str) -> list[str]:
    """Return the names of the header; reject rows of other lengths, which pandas shifts or fills.

    Raises:
        ValueError: The rows have different lengths, or the header has duplicates.
    """
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    names = next(rows, [])
    if not names or len(set(names)) != len(names):
        raise ValueError("the header is empty or has duplicates")
    if any(row and len(row) != len(names) for row in rows):
        raise ValueError("the rows have different lengths")
    return names


def _parse_split(value: Any, form: _Form) -> object:
    fields = value if isinstance(value, dict) else {}
    if "data" not in fields or fields.keys() - {"columns", "index", "data"}:
        raise _malformed("an object with data, and optional columns and index", "dataframe_split")
    columns, data = fields.get("columns"), fields["data"]
    _check_columns(columns)
    if isinstance(data, dict) or (data and is_list_of(data, dict)):
        # pandas reads columns and records as well.
        return _select(data, columns)
    if not is_list_of(data, list):
        raise _malformed("a list of lists", "dataframe_split.data")
    _check_lengths(data, columns, fields.get("index"))
    return _name_cells(data, columns, form)


def _check_columns(columns: Any) -> None:
    if columns is None:
        return
    if not isinstance(columns, list) or len(set(map(str, columns))) < len(columns):
        raise _malformed("a list of unique names", "dataframe_split.columns")


def _check_lengths(data: list[list[Any]], columns: list[Any] | None, index: Any) -> None:
    if index is not None and (not isinstance(index, list) or len(index) != len(data)):
        raise _malformed("a list of one label per row", "dataframe_split.index")
    for number, row in enumerate(data):
        if columns is not None and len(row) != len(columns):
            raise _malformed(f"{len(columns)} values", "dataframe_split.data", number)


def _name_cells(data: list[list[Any]], columns: list[Any] | None, form: _Form) -> object:
    """Return rows of cells in the form that the signature has."""
    if not data:
        return _to_frame([], columns) if columns else []
    if form.is_tensors:
        return _to_frame(data, columns)
    is_numbered = form.n_unnamed > 0 and columns == list(range(len(data[0])))
    if columns is None or is_numbered:
        return _unwrap_cells(data) if form.n_unnamed == 1 else data
    names = list(map(str, columns))
    return [dict(zip(names, row, strict=True)) for row in data]


def _unwrap_cells(rows: list[list[Any]]) -> list[Any]:
    """Return the cells of rows of one cell."""
    is_single = all(len(row) == 1 for row in rows)
    return [row[0] for row in rows] if is_single else rows


def _select(data: Any, columns: list[Any] | None) -> Any:
    if columns is None:
        return data
    if isinstance(data, dict):
        return {name: data[name] for name in columns if name in data}
    return [_select(row, columns) for row in data]


_PARSERS: dict[str, Callable[[Any, _Form], object]] = {
    "dataframe_split": _parse_split,
    "dataframe_records": _parse_records,
    "instances": _parse_instances,
    "inputs": _parse_inputs,
}
"""The parser of each envelope."""


def as_mlflow_table(prediction: Any) -> Any:
    """Return a Series as a table of one column, which is how MLflow's server writes it."""
    is_series = hasattr(prediction, "to_frame") and hasattr(prediction, "iloc")
    return prediction.to_frame() if is_series else prediction


def _parse_params(body: dict[str, object]) -> dict[str, object] | None:
    params = body.get("params")
    if params is not None and not isinstance(params, dict):
        raise _malformed("an object", "params")
    return params


def _malformed(expected: str, path: str = "", row: int | None = None) -> HttpError:
    failure = {"code": "WRONG_KIND", "path": path, "row": row, "expected": expected}
    message = "the request violates the signature in 1 place"
    return HttpError(422, "INPUTS_BREAK_CONTRACT", message, failures=[failure], total=1)
