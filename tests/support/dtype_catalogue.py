"""Data of every dtype, with values at the limits of every type."""

from __future__ import annotations

import contextlib
import datetime as dt
import decimal
import warnings
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from mlflow.types.schema import AnyType, DataType

from modelpact.signature import Enforcer

VALUES: list[Any] = [
    *(
        True,
        False,
        np.True_,
        0,
        1,
        5,
        -3,
        2**24,
        2**24 + 1,
        2**31 - 1,
        -(2**31),
        2**31,
        2**53,
        2**53 + 1,
        2**60,
    ),
    *(
        2**63 - 1,
        -(2**63),
        2**63,
        2**64,
        np.int8(3),
        np.int32(7),
        np.int32(2**31 - 1),
        np.int64(7),
        np.int64(2**60),
    ),
    *(
        np.uint8(3),
        np.uint32(2**32 - 1),
        np.uint64(2**64 - 1),
        0.0,
        1.0,
        0.5,
        3.0,
        2.0**31,
        2.0**53,
        2.0**60,
        2.0**63,
        0.1,
    ),
    *(
        1e300,
        -1e300,
        3e38,
        3.5e38,
        float("inf"),
        float("-inf"),
        float("nan"),
        np.float16(0.5),
        np.float32(0.1),
    ),
    *(
        np.float64(0.1),
        np.longdouble(3),
        np.longdouble("0.1"),
        decimal.Decimal(1),
        decimal.Decimal("0.1"),
    ),
    *(
        decimal.Decimal("0.12345678901234567890123"),
        decimal.Decimal("NaN"),
        "",
        "a",
        "1",
        "1.5",
        "True",
        "2024-05-06",
    ),
    *(
        "2024-05-06T07:08:09Z",
        np.str_("x"),
        b"",
        b"x",
        bytearray(b"x"),
        np.bytes_(b"x"),
        dt.datetime(2024, 5, 6),
    ),
    *(
        dt.date(2024, 5, 6),
        dt.datetime(2024, 5, 6, tzinfo=dt.UTC),
        dt.datetime(1, 1, 1),
        dt.datetime(9999, 1, 1),
    ),
    *(
        pd.Timestamp("2024-05-06 07:08:09.123456789"),
        np.datetime64("2024-05-06"),
        np.datetime64("NaT"),
        pd.NaT,
        pd.NA,
    ),
    *(None, dt.timedelta(3), np.timedelta64(3, "s"), dt.time(3), 1j, [], [1], {}, {"a": 1}),
]
"""Values of every type, at the limits of every type."""

TYPES: dict[str, Any] = {**{dtype.name: dtype for dtype in DataType}, "any": AnyType()}

_NUMBERS = [
    0,
    3,
    -3,
    255,
    2**24 + 1,
    2**31 - 1,
    2**31,
    2**53,
    2**53 + 1,
    2**60,
    2**63 - 1,
    0.5,
    0.1,
    float("nan"),
    1e300,
]
_DTYPES = [
    *(
        "int8",
        "int16",
        "int32",
        "int64",
        "uint8",
        "uint32",
        "uint64",
        "float16",
        "float32",
        "float64",
        "longdouble",
        "bool",
    ),
    *("Int8", "Int32", "Int64", "UInt64", "Float32", "Float64", "boolean"),
]
_ARROW: list[tuple[Any, list[Any]]] = [
    *(
        (pa.int32(), [1, None]),
        (pa.int64(), [2**60, 1]),
        (pa.float32(), [0.5, None]),
        (pa.float64(), [0.1]),
    ),
    *(
        (pa.string(), ["a", None]),
        (pa.large_string(), ["a"]),
        (pa.bool_(), [True, None]),
        (pa.binary(), [b"a"]),
    ),
    *(
        (pa.timestamp("ns"), [1]),
        (pa.timestamp("us", "UTC"), [1]),
        (pa.date32(), [dt.date(2024, 1, 1)]),
    ),
    (pa.decimal128(5, 2), [decimal.Decimal("1.50")]),
]


@cache
def columns() -> list[Any]:
    """Return series of every dtype of pandas, NumPy and Arrow for the scalar types."""
    objects = [pd.Series(cells([value, other])) for value in VALUES for other in (value, None)]
    with np.errstate(all="ignore"):
        return [*objects, *_numbers(), *_others()]


def _numbers() -> Iterator[Any]:
    for dtype in _DTYPES:
        for number in _NUMBERS:
            with contextlib.suppress(ValueError, TypeError, OverflowError):
                series = pd.Series([number, 1]).astype(dtype)  # type: ignore[call-overload]
                yield series
                # pandas has no index of float16.
                if dtype != "float16":
                    yield series.astype("category")
                if dtype[0] in "IUFB":
                    yield series.reindex([0, 1, 2])
                elif dtype in ("int64", "float64", "bool"):
                    yield series.astype(pd.SparseDtype(series.dtype))


def _others() -> Iterator[Any]:
    for kind, values in _ARROW:
        yield pd.Series(values, dtype=pd.ArrowDtype(kind))
    for texts in (["a", "b"], ["a", None], ["2024-05-06", "2024-05-07"]):
        for text_dtype in ("object", "str", "string", "category"):
            yield pd.Series(texts).astype(text_dtype)
    for unit in ("s", "ms", "us", "ns"):
        yield pd.Series(np.array(["2024-05-06", "2024-05-07"], f"M8[{unit}]"))
        yield pd.Series(np.array(["2024-05-06", "NaT"], f"M8[{unit}]"))
    yield pd.Series(np.array(["1200-05-06"], "M8[s]"))
    yield pd.Series(pd.to_datetime(["2024-05-06"]).tz_localize("Europe/Berlin"))
    yield pd.Series(pd.to_timedelta([3, 4], unit="s"))
    yield pd.Series([1 + 2j, 3])
    for empty in ("object", "int64", "float64"):
        yield pd.Series([], dtype=empty)


@cache
def arrays() -> list[Any]:
    """Return arrays `(2,)` of every dtype, for array cells, params and unnamed columns."""
    found = []
    for dtype in (
        "int8",
        "int32",
        "int64",
        "uint8",
        "uint64",
        "float16",
        "float32",
        "float64",
        "bool",
        "M8[D]",
        "M8[ns]",
        "U",
        "S",
        "O",
    ):
        for number in (0, 1, 3, 2**31 - 1, 2**60, 0.5, 0.1, 1e300):
            with (
                contextlib.suppress(ValueError, TypeError, OverflowError),
                np.errstate(all="ignore"),
            ):
                found.append(np.array([number, 1]).astype(dtype))
    return found


def cells(values: list[Any]) -> Any:
    """Return an object array of the values."""
    array = np.empty(len(values), dtype=object)
    for index, value in enumerate(values):
        array[index] = value
    return array


def accepts(enforcer: Enforcer, side: str, data: Any) -> bool:
    """Return whether the enforcer accepts data; any exception counts as a rejection."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            getattr(enforcer, f"enforce_{side}")(data)
        except Exception:
            return False
    return True


TENSOR_DTYPES = [
    *(
        "bool",
        "int8",
        "int16",
        "int32",
        "int64",
        "uint8",
        "uint16",
        "uint32",
        "uint64",
        "float16",
        "float32",
        "float64",
    ),
    *(
        "complex64",
        "complex128",
        "str",
        "bytes",
        "object",
        "datetime64[s]",
        "datetime64[ns]",
        "datetime64[D]",
        "timedelta64[s]",
    ),
]

_TENSOR_NUMBERS = [
    *(
        0,
        1,
        -1,
        127,
        128,
        255,
        256,
        2**11 + 1,
        2**15,
        2**16 - 1,
        2**24 + 1,
        2**31 - 1,
        2**32 - 1,
        2**53 + 1,
        2**60,
        2**63 - 1,
    ),
    *(
        2**64 - 1,
        -(2**63),
        0.5,
        0.1,
        1e300,
        70000.0,
        3.5e38,
        float("nan"),
        float("inf"),
        1j,
        1 + 0.1j,
        True,
        "a",
        "long",
        b"x",
        None,
    ),
    "2024-01-01",
]


@cache
def tensor_values() -> list[Any]:
    """Return arrays and lists `(2,)` of every dtype, with values at the limits of each."""
    found: list[Any] = []
    for value in _TENSOR_NUMBERS:
        found += [cells([value, value]), cells([value, 1])]
        for dtype in TENSOR_DTYPES:
            with (
                contextlib.suppress(ValueError, TypeError, OverflowError),
                np.errstate(all="ignore"),
                warnings.catch_warnings(),
            ):
                warnings.simplefilter("ignore")
                found.append(np.array([value, value]).astype(dtype))
    for count in (2**62, 2**40, 2**33, 10**6, 100, -(10**6)):
        for unit in ("D", "s", "ns", "us", "h"):
            found += [np.array([count, 0], f"M8[{unit}]"), np.array([count, 0], f"m8[{unit}]")]
    return found
