"""Conversion of single Python values to the scalar types of a signature."""

from __future__ import annotations

import datetime
import decimal
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeGuard

import numpy as np
import pandas as pd  # type: ignore[import-untyped, unused-ignore]
from mlflow.types.schema import DataType

from modelpact.signature.enforcement.violations import ViolationCode

__all__ = ["ConversionError", "ScalarRule", "is_null", "scalar_rule"]

DOUBLE_LIMIT = 2**53
"""Every integer up to this one has an exact double."""

FLOAT_LIMIT = 2**24
"""Every integer up to this one has an exact 32-bit float."""


class ConversionError(Exception):
    """A value cannot be converted to a type without loss; `code` is a `ViolationCode`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class ScalarRule:
    """The values that one scalar type accepts.

    Attributes:
        name: The name of the type in signatures.
        native_types: The Python types whose values need no conversion.
        convert: Converts a value without loss, or raises `ConversionError`.
        bounds: The smallest and the largest value of an integer type.
        has_nan: Whether NaN is a value of the type, not a null.
    """

    name: str
    native_types: frozenset[type]
    convert: Callable[[object], Any]
    bounds: tuple[int, int] | None = None
    has_nan: bool = False


def is_null(value: object) -> bool:
    """Return whether a value is a null: None, NaN, NA or NaT.

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


def scalar_rule(dtype: DataType) -> ScalarRule:
    """Return the rule of a scalar type.

    Example:
        >>> scalar_rule(DataType.double).convert(3)
        3.0
    """
    return _RULES[dtype]


def _type_checker(*types: type) -> Callable[[object], object]:
    """Return a function that accepts the values of some types unchanged."""

    def check(value: object) -> object:
        if isinstance(value, types):
            return value
        raise ConversionError(ViolationCode.WRONG_TYPE)

    return check


def _is_integer(value: object) -> TypeGuard[int | np.integer[Any]]:
    # np.timedelta64 is a subclass of np.integer, and bool one of int.
    return isinstance(value, (int, np.integer)) and not isinstance(value, (bool, np.timedelta64))


def _integer_converter(low: int, high: int) -> Callable[[object], object]:
    def convert(value: object) -> object:
        if _is_integer(value):
            if low <= value <= high:
                return value
            raise ConversionError(ViolationCode.OUT_OF_RANGE)
        if not isinstance(value, (float, np.floating)):
            raise ConversionError(ViolationCode.WRONG_TYPE)
        if not math.isfinite(value) or value != math.floor(value):
            raise ConversionError(ViolationCode.LOSSY)
        whole = int(value)
        if not low <= whole <= high:
            raise ConversionError(ViolationCode.OUT_OF_RANGE)
        return whole

    return convert


def _convert_double(value: object) -> object:
    if isinstance(value, (float, np.float32, np.float16)):
        return value if isinstance(value, float) else float(value)
    if _is_integer(value):
        if -DOUBLE_LIMIT <= value <= DOUBLE_LIMIT:
            return float(value)
        raise ConversionError(ViolationCode.LOSSY)
    if isinstance(value, decimal.Decimal):
        return _convert_decimal(value)
    if isinstance(value, np.longdouble) and float(value) == value:
        return float(value)
    raise ConversionError(ViolationCode.WRONG_TYPE)


def _convert_decimal(value: decimal.Decimal) -> float:
    """Return the double whose shortest decimal form has all digits of the Decimal."""
    converted = float(value)
    if not value.is_finite():
        return converted
    if math.isfinite(converted) and decimal.Decimal(repr(converted)) == value:
        return converted
    raise ConversionError(ViolationCode.LOSSY)


def _convert_float(value: object) -> object:
    if isinstance(value, np.float32):
        return value
    if isinstance(value, (float, np.floating)):
        with np.errstate(over="ignore"):
            rounded = float(np.float32(value))
        if rounded == value or math.isnan(value):
            return value
        # A Python float has no width of its own: JSON and CSV write 0.1 for every width.
        if type(value) is float and math.isfinite(rounded):
            return rounded
        raise ConversionError(ViolationCode.LOSSY)
    if _is_integer(value):
        if -FLOAT_LIMIT <= value <= FLOAT_LIMIT:
            return float(value)
        raise ConversionError(ViolationCode.LOSSY)
    raise ConversionError(ViolationCode.WRONG_TYPE)


def _convert_datetime(value: object) -> object:
    if isinstance(value, str):
        try:
            value = _parse_datetime(value)
        except ValueError:
            raise ConversionError(ViolationCode.WRONG_TYPE) from None
    if isinstance(value, datetime.datetime):
        return _without_time_zone(value)
    if isinstance(value, (datetime.date, np.datetime64)):
        return value
    raise ConversionError(ViolationCode.WRONG_TYPE)


def _parse_datetime(text: str) -> datetime.datetime:
    """Parse ISO 8601 text with up to nine digits of a second; Python's datetime has six."""
    moment = datetime.datetime.fromisoformat(text)
    digits = _NANOSECONDS.search(text)
    if digits is None or not digits[1].strip("0"):
        return moment
    return pd.Timestamp(moment) + pd.Timedelta(int(digits[1].ljust(3, "0")), unit="ns")


_NANOSECONDS = re.compile(r"[.,]\d{6}(\d{1,3})")
"""The digits of a fraction of a second that follow microseconds."""


def _without_time_zone(value: datetime.datetime) -> datetime.datetime:
    if value.tzinfo is None:
        return value
    try:
        return value.astimezone(datetime.UTC).replace(tzinfo=None)
    except OverflowError:
        # The UTC time is before the first day or after the last day of Python's calendar.
        raise ConversionError(ViolationCode.WRONG_TYPE) from None


_INTEGER_BOUNDS = (-(2**31), 2**31 - 1)
_LONG_BOUNDS = (-(2**63), 2**63 - 1)
_RULES: dict[DataType, ScalarRule] = {
    DataType.boolean: ScalarRule(
        "boolean", frozenset({bool, np.bool_}), _type_checker(bool, np.bool_)
    ),
    DataType.integer: ScalarRule(
        "integer", frozenset({int, np.int32}), _integer_converter(*_INTEGER_BOUNDS), _INTEGER_BOUNDS
    ),
    DataType.long: ScalarRule(
        "long",
        frozenset({int, np.int64, np.int32}),
        _integer_converter(*_LONG_BOUNDS),
        _LONG_BOUNDS,
    ),
    DataType.float: ScalarRule("float", frozenset({np.float32}), _convert_float, has_nan=True),
    DataType.double: ScalarRule(
        "double", frozenset({float, np.float64}), _convert_double, has_nan=True
    ),
    DataType.string: ScalarRule("string", frozenset({str, np.str_}), _type_checker(str)),
    DataType.binary: ScalarRule(
        "binary", frozenset({bytes, bytearray, np.bytes_}), _type_checker(bytes, bytearray)
    ),
    DataType.datetime: ScalarRule(
        "datetime",
        frozenset({datetime.datetime, datetime.date, np.datetime64, pd.Timestamp}),
        _convert_datetime,
    ),
}
