"""Known differences between the policy `lossless` and MLflow, as listed in docs/enforcement.md."""

from __future__ import annotations

import decimal
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from mlflow.types.schema import Array, ColSpec, DataType, ParamSchema, ParamSpec, Schema, TensorSpec

from modelpact.signature import Violation

D = DataType


def _columns(dtype: Any) -> Schema:
    return Schema([ColSpec(dtype, "x")])


def _frame(values: list[Any]) -> Callable[[], Any]:
    return lambda: pd.DataFrame({"x": pd.Series(values, dtype=object)})


def _ragged(*rows: Any) -> Any:
    array = np.empty(len(rows), dtype=object)
    array[:] = rows
    return array


@dataclass(frozen=True)
class Gap:
    """A kind of data that MLflow accepts and `lossless` rejects.

    Attributes:
        name: The description in the documentation.
        schema: A schema with the gap.
        data: Returns data that only MLflow accepts.
        explains: Returns whether a violation is due to this gap.
    """

    name: str
    schema: Any
    data: Callable[[], Any]
    explains: Callable[[Violation], bool]


def _is(code: str, expected: str) -> Callable[[Violation], bool]:
    return lambda failure: (
        re.fullmatch(code, failure.code) is not None
        and re.fullmatch(expected, failure.expected) is not None
    )


TENSOR = r"\w+(\[ns\])?\[[-\d, ]*\]"

GAPS = [
    Gap(
        "a null in a required `string`, `boolean` or `binary` column",
        _columns(D.string),
        _frame(["a", None]),
        _is("NULL", "string|boolean|binary"),
    ),
    Gap(
        "values that are not strings under `string`",
        _columns(D.string),
        _frame([1, b"x"]),
        _is("WRONG_TYPE", "string"),
    ),
    Gap(
        "values that are not booleans (bytes, Decimals, dates) under `boolean`",
        _columns(D.boolean),
        _frame([b"x", decimal.Decimal(1)]),
        _is("WRONG_TYPE", "boolean"),
    ),
    Gap(
        "values that are not bytes, such as text, under `binary`",
        _columns(D.binary),
        _frame(["text"]),
        _is("WRONG_TYPE", "binary"),
    ),
    Gap(
        "booleans and numeric strings in an object column under `double`",
        _columns(D.double),
        _frame(["1", 2.5]),
        _is("WRONG_TYPE", "double"),
    ),
    Gap(
        "integers beyond 2**53, and Decimals with more digits than a double, under `double`",
        _columns(D.double),
        _frame([1, 2**70]),
        _is("LOSSY", "double"),
    ),
    Gap(
        "values of other types in a list of `string`: MLflow converts them to text",
        _columns(Array(D.string)),
        lambda: [{"x": [1, b"x"]}],
        _is("WRONG_TYPE", "string"),
    ),
    Gap(
        "a frame column that a tensor's dtype cannot hold: MLflow casts 2.5 to 2 and '1' to 1.0",
        Schema([TensorSpec(np.dtype("int64"), (-1,), "x")]),
        lambda: pd.DataFrame({"x": [1.0, 2.5]}),
        _is("WRONG_TYPE|LOSSY", TENSOR),
    ),
    Gap(
        "object arrays whose items are not arrays, under a tensor with free inner axes",
        Schema([TensorSpec(np.dtype("float64"), (-1, -1))]),
        lambda: _ragged(1.0, "x"),
        _is("WRONG_KIND", TENSOR),
    ),
    Gap(
        "unknown params: MLflow logs and ignores them",
        ParamSchema([ParamSpec("k", D.long, 1)]),
        lambda: {"kk": 1},
        lambda failure: failure.code == "UNKNOWN_PARAM",
    ),
    Gap(
        "params out of range: 2**40 for an `integer`, 2**70 for a `long`, 1e300 for a `float`",
        ParamSchema([ParamSpec("k", D.integer, 1)]),
        lambda: {"k": 2**40},
        _is("OUT_OF_RANGE", "integer|long|float"),
    ),
    Gap(
        "integer params beyond 2**53 for a `float` or `double`",
        ParamSchema([ParamSpec("k", D.double, 1.0)]),
        lambda: {"k": 2**53 + 1},
        _is("LOSSY", "float|double"),
    ),
]


def are_known_gaps(failures: tuple[Violation, ...]) -> bool:
    """Return whether all violations are due to known gaps."""
    return all(any(gap.explains(failure) for gap in GAPS) for failure in failures)


RESULT_DIFFERENCES = {
    "nulls inside lists stay null: MLflow converts them to 'n', b'None' or False": (
        r"nested: (strs and null|nulls) under (strings|booleans|binaries)\??"
    ),
    "a column of `any` is unchanged: MLflow lets pandas infer its dtype again": (
        r"nested: (int|nan) under any\?|payload: frame no rows under .*any"
    ),
    "an object column without rows gets the dtype of its type": (
        r"column: empty under (boolean|double)\??"
    ),
    "under a single unnamed `any`, a row stays whole: MLflow keeps its first column": (
        r"payload: (rows|row|text scalars|list of (short )?lists|matrix).* under any"
    ),
    "arrays in the cells of a frame get the tensor's dtype: MLflow does not convert them": (
        r"tensor: frame of arrays under (float32|int64|uint8)\[-1, 3\]"
    ),
}
"""Cases that both accept with different results: the reason, and a pattern of case names."""


def is_known_difference(name: str) -> bool:
    """Return whether the result for a case is known to differ."""
    return any(re.fullmatch(pattern, name) for pattern in RESULT_DIFFERENCES.values())
