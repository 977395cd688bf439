"""One Python value under one scalar type: which values are of it, and which become one of it without changing."""

from __future__ import annotations

import datetime
import decimal
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped, unused-ignore]
from mlflow.types.schema import DataType

from modelpact.signature.enforcement.violations import Code

__all__ = ["Refused", "Rule", "is_null", "rule"]

DOUBLE_LIMIT = 2**53
"""Every integer up to here is a double; beyond, some are not."""

FLOAT_LIMIT = 2**24


class Refused(Exception):
    """A value that cannot be of the type; carries the code of the failure."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Rule:
    """What one scalar type takes.

    Attributes:
        name: The type, as it stands in signatures.
        exact: The Python types whose values need no conversion.
        convert: The same value as one of the type; raises `Refused` where that would change it.
        bounds: The least and the greatest value, for the integers.
        nan: Whether NaN is a value of the type, and not merely a null.
    """

    name: str
    exact: frozenset[type]
    convert: Callable[[Any], Any]
    bounds: tuple[int, int] | None = None
    nan: bool = False


def is_null(value: Any) -> bool:
    """Whether a value stands for nothing: None, NaN, NA or NaT.

    Example:
        >>> is_null(float("nan")), is_null("")
        (True, False)
    """
    return (
        value is None
        or value is pd.NA
        or value is pd.NaT
        or (isinstance(value, (float, np.floating)) and math.isnan(value))
    )


def rule(dtype: DataType) -> Rule:
    """The rule of a scalar type.

    Example:
        >>> rule(DataType.double).convert(3)
        3.0
    """
    return _RULES[dtype]


def _boolean(value: Any) -> Any:
    if isinstance(value, (bool, np.bool_)):
        return value
    raise Refused(Code.WRONG_TYPE)


def _is_integer(value: Any) -> bool:
    """NumPy's spans of time are integers by its classes, and so are Python's booleans."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, (bool, np.timedelta64))


def _integer_between(low: int, high: int) -> Callable[[Any], Any]:
    def convert(value: Any) -> Any:
        if _is_integer(value):
            if low <= value <= high:
                return value
            raise Refused(Code.OUT_OF_RANGE)
        if not isinstance(value, (float, np.floating)):
            raise Refused(Code.WRONG_TYPE)
        if not math.isfinite(value) or value != math.floor(value):
            raise Refused(Code.LOSSY)
        if not low <= (whole := int(value)) <= high:
            raise Refused(Code.OUT_OF_RANGE)
        return whole

    return convert


def _double(value: Any) -> Any:
    if isinstance(value, (float, np.float32, np.float16)):
        return value if isinstance(value, float) else float(value)
    if _is_integer(value):
        if -DOUBLE_LIMIT <= value <= DOUBLE_LIMIT:
            return float(value)
        raise Refused(Code.LOSSY)
    if isinstance(value, decimal.Decimal):
        # A double shows 15 to 17 digits; a Decimal whose digits it shows again has lost none.
        near = float(value)
        if (
            value.is_nan()
            or value.is_infinite()
            or (math.isfinite(near) and decimal.Decimal(repr(near)) == value)
        ):
            return near
        raise Refused(Code.LOSSY)
    if isinstance(value, np.longdouble) and float(value) == value:
        return float(value)
    raise Refused(Code.WRONG_TYPE)


def _float(value: Any) -> Any:
    if isinstance(value, np.float32):
        return value
    if isinstance(value, (float, np.floating)):
        with np.errstate(over="ignore"):
            if math.isnan(value) or float(np.float32(value)) == value:
                return value
        raise Refused(Code.LOSSY)
    if _is_integer(value):
        if -FLOAT_LIMIT <= value <= FLOAT_LIMIT:
            return float(value)
        raise Refused(Code.LOSSY)
    raise Refused(Code.WRONG_TYPE)


def _string(value: Any) -> Any:
    if isinstance(value, str):
        return value
    raise Refused(Code.WRONG_TYPE)


def _binary(value: Any) -> Any:
    if isinstance(value, (bytes, bytearray)):
        return value
    raise Refused(Code.WRONG_TYPE)


def _datetime(value: Any) -> Any:
    if isinstance(value, datetime.datetime):
        try:
            return (
                value
                if value.tzinfo is None
                else value.astimezone(datetime.UTC).replace(tzinfo=None)
            )
        except OverflowError:  # an offset on the first or the last day that Python knows
            raise Refused(Code.WRONG_TYPE) from None
    if isinstance(value, (datetime.date, np.datetime64)):
        return value
    if isinstance(value, str):
        try:
            return _datetime(datetime.datetime.fromisoformat(value))
        except ValueError:
            raise Refused(Code.WRONG_TYPE) from None
    raise Refused(Code.WRONG_TYPE)


_INTEGER = (-(2**31), 2**31 - 1)
_LONG = (-(2**63), 2**63 - 1)
_RULES: dict[DataType, Rule] = {
    DataType.boolean: Rule("boolean", frozenset({bool, np.bool_}), _boolean),
    DataType.integer: Rule(
        "integer", frozenset({int, np.int32}), _integer_between(*_INTEGER), _INTEGER
    ),
    DataType.long: Rule(
        "long", frozenset({int, np.int64, np.int32}), _integer_between(*_LONG), _LONG
    ),
    DataType.float: Rule("float", frozenset({np.float32}), _float, nan=True),
    DataType.double: Rule("double", frozenset({float, np.float64}), _double, nan=True),
    DataType.string: Rule("string", frozenset({str, np.str_}), _string),
    DataType.binary: Rule("binary", frozenset({bytes, bytearray, np.bytes_}), _binary),
    DataType.datetime: Rule(
        "datetime",
        frozenset({datetime.datetime, datetime.date, np.datetime64, pd.Timestamp}),
        _datetime,
    ),
}
