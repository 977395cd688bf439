"""What a model answers, as Arrow's columns: one row for each row that it was asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from modelpact._internal.text import truncate
from modelpact.datatypes import count_rows
from modelpact.errors import PredictError

if TYPE_CHECKING:
    import pyarrow as pa

    from modelpact.types import Signature

__all__ = ["ANSWER", "answer_names", "empty", "table_of"]

ANSWER = "prediction"
"""The column of an answer that has no name of its own."""


def answer_names(signature: Signature) -> list[str] | None:
    """The columns that a model answers with; None where the signature does not say."""
    schema = signature.outputs
    if schema is None:
        return None
    return (
        [str(name) for name in schema.input_names()]
        if schema.has_input_names()
        else [ANSWER]
        if len(schema) == 1
        else None
    )


def arrow_type(kind: Any) -> pa.DataType | None:
    """Arrow's type for one of MLflow's; None for any, and what holds it.

    Example:
        >>> from mlflow.types.schema import Array, DataType
        >>> arrow_type(Array(DataType.long))
        ListType(list<item: int64>)
    """
    import pyarrow as pa
    from mlflow.types.schema import Array, DataType, Map, Object

    names = {
        DataType.boolean: "bool",
        DataType.integer: "int32",
        DataType.long: "int64",
        DataType.float: "float",
        DataType.double: "double",
        DataType.string: "string",
        DataType.binary: "binary",
        DataType.datetime: "timestamp[us]",
    }
    if isinstance(kind, DataType):
        return pa.type_for_alias(names[kind])
    if type(kind) is Array:
        inner = arrow_type(kind.dtype)
        return None if inner is None else pa.list_(inner)
    if isinstance(kind, Map):
        inner = arrow_type(kind.value_type)
        return None if inner is None else pa.map_(pa.string(), inner)
    if isinstance(kind, Object):
        fields = [(prop.name, arrow_type(prop.dtype)) for prop in kind.properties]
        return None if any(inner is None for _, inner in fields) else pa.struct(fields)
    return None


def table_of(
    prediction: Any, n_rows: int, signature: Signature, kept: dict[str, pa.Array]
) -> pa.Table:
    """The columns that are passed through, then the answers.

    Args:
        prediction: What the model answered: a frame, an array, a Series, a dict of arrays, or a list.
        n_rows: How many rows it was asked.
        signature: The contract, which says what types the answers have.
        kept: The columns that are passed through.

    Raises:
        PredictError: There is not one answer for each row, or Arrow has no type for them.
    """
    import pyarrow as pa

    columns = dict(kept)
    types = _types(signature)
    for name, values in _columns(prediction, answer_names(signature)).items():
        if name in columns:
            raise PredictError(
                f"the model answers with a column {name!r}, and a column of that name is kept",
                remedy="Leave it out of task.keep, or rename it in the data.",
            )
        n_answers = count_rows(values)
        if n_answers != n_rows:
            raise PredictError(
                f"the model gave {n_answers:,} answers to {n_rows:,} rows",
                remedy="A batch needs a model that answers each row; one that sums up all rows is asked from Python.",
            )
        columns[name] = _array(values, types.get(name), name)
    return pa.table(columns)


def empty(signature: Signature, kept: dict[str, pa.DataType]) -> pa.Table:
    """A table without rows, of the columns that the signature promises."""
    import pyarrow as pa

    types = _types(signature)
    answers = {name: types.get(name) or pa.null() for name in answer_names(signature) or [ANSWER]}
    return pa.schema([*kept.items(), *answers.items()]).empty_table()


def _types(signature: Signature) -> dict[str, pa.DataType | None]:
    from mlflow.types.schema import TensorSpec

    schema = signature.outputs
    if schema is None:
        return {}
    names = answer_names(signature) or []
    return {
        name: _tensor_type(spec) if isinstance(spec, TensorSpec) else arrow_type(spec.type)
        for name, spec in zip(names, schema.inputs, strict=False)
    }


def _tensor_type(spec: Any) -> pa.DataType | None:
    import pyarrow as pa

    try:
        found = pa.from_numpy_dtype(spec.type) if spec.type.kind not in "OUS" else pa.string()
    except (pa.ArrowNotImplementedError, TypeError):
        return None
    for _ in spec.shape[1:]:
        found = pa.list_(found)
    return found


def _columns(prediction: Any, names: list[str] | None) -> dict[str, Any]:
    """A prediction taken apart into columns."""
    if hasattr(prediction, "to_arrow") and hasattr(prediction, "columns"):  # of polars
        prediction = prediction.to_pandas()
    if hasattr(prediction, "columns") and hasattr(prediction, "iloc"):
        return {
            str(name): prediction.iloc[:, place] for place, name in enumerate(prediction.columns)
        }
    if hasattr(prediction, "tocsr"):
        prediction = prediction.toarray()
    if isinstance(prediction, dict):
        return {str(name): values for name, values in prediction.items()}
    name = names[0] if names is not None and len(names) == 1 else ANSWER
    if (
        isinstance(prediction, list)
        and prediction
        and all(isinstance(row, dict) for row in prediction)
        and names != [ANSWER]
    ):
        found = dict.fromkeys(key for row in prediction for key in row)
        return {str(key): [row.get(key) for row in prediction] for key in names or found}
    if (
        isinstance(prediction, np.ndarray)
        and prediction.ndim == 2
        and names is not None
        and len(names) == prediction.shape[1] > 1
    ):
        return {column: prediction[:, place] for place, column in enumerate(names)}
    return {name: prediction}


def _array(values: Any, kind: pa.DataType | None, name: str) -> pa.Array:
    import pandas as pd
    import pyarrow as pa

    if isinstance(values, np.ndarray) and values.ndim == 1 and values.dtype.kind in "biuf":
        found = pa.array(values)
        return found if kind is None or found.type == kind else _cast(found, kind)
    if isinstance(values, pd.Series) and not pd.api.types.is_object_dtype(values.dtype):
        found = pa.Array.from_pandas(values)
        return found if kind is None or found.type == kind else _cast(found, kind)
    cells = _plain(values.tolist() if hasattr(values, "tolist") else values)
    try:
        return pa.array(cells, type=kind, from_pandas=True)
    except (pa.ArrowException, ValueError, TypeError, OverflowError) as error:
        raise PredictError(
            f"the answers {name!r} cannot be put into one column: {truncate(error, 200)}",
            remedy="They must be values of one type; sign the model's outputs, which says what type that is.",
        ) from error


def _cast(array: pa.Array, kind: pa.DataType) -> pa.Array:
    """An array in the type that the signature names, where it has these values; else as it is."""
    import pyarrow as pa

    try:
        return array.cast(kind)
    except pa.ArrowException:
        return array


def _plain(value: Any) -> Any:
    """Values as Arrow takes them: of models of Pydantic their content, and no arrays within lists."""
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="python")
    return value.tolist() if isinstance(value, np.ndarray) and value.ndim else value
