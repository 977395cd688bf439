"""Compiled checks of single columns; a cell is checked only if its dtype is not conclusive."""

from __future__ import annotations

import contextlib
from collections.abc import Hashable, Sequence
from typing import Any, TypeAlias

import numpy as np
import pandas as pd  # type: ignore[import-untyped, unused-ignore]
from mlflow.types.schema import AnyType, ColSpec, DataType

from modelpact.signature.enforcement.casting import Array, Mask, cast_with_losses
from modelpact.signature.enforcement.nested import compile_type
from modelpact.signature.enforcement.scalars import DOUBLE_LIMIT
from modelpact.signature.enforcement.violations import ViolationCode, Violations
from modelpact.signature.field_path import FieldPath

__all__ = ["Column", "compile_column", "object_array"]

_OBJECT = np.dtype("O")

Series: TypeAlias = "pd.Series[Any]"
"""The column of a frame, `(n_rows,)`."""

Values: TypeAlias = "Series | Array | pd.api.extensions.ExtensionArray"
"""The values of a column, `(n_rows,)`."""


class Column:
    """A column of a schema; this class itself accepts values of any type.

    Args:
        spec: MLflow's column.
        label: The column's name in messages, or its position.
        strict: Whether values that need a conversion are rejected.
    """

    native_dtype: np.dtype[np.generic] | None = None
    """The dtype whose values need no check; None if every dtype is checked."""

    def __init__(self, spec: ColSpec, label: Hashable, *, strict: bool) -> None:
        self.label = label
        self.path: FieldPath = (label,)
        self.required = bool(spec.required)
        self.strict = strict
        self.node = compile_type(spec.type, nullable=self._is_nullable(), strict=strict)
        self.expected = self.node.expected

    def _is_nullable(self) -> bool:
        return not self.required

    def check_series(self, series: Series, violations: Violations) -> Series:
        """Check a column of a frame.

        Returns:
            The same object if it conforms, otherwise a converted one.
        """
        return series

    def check_values(self, values: list[object], violations: Violations) -> Values:
        """Check a column given as Python values, one per row; None stands for a missing value.

        Integers next to floats or nulls stay Python objects: as doubles, those beyond 2**53 would
        change.
        """
        types = set(map(type, values))
        mixed = int in types and bool(types & {float, type(None)})
        return pd.Series(values, dtype=object if mixed or not values else None)

    def _convert(self, values: list[object], violations: Violations) -> Sequence[Any]:
        if self.node.accepts_all(values):
            return values
        return self.node.convert_all(values, self.path, violations)

    def _check_objects(self, series: Series, violations: Violations) -> Series:
        values = series.tolist()
        if series.dtype == _OBJECT and self.node.accepts_all(values):
            return series
        converted = object_array(self.node.convert_all(values, self.path, violations))
        return pd.Series(converted, index=series.index, name=series.name)

    def _check_unwrapped(self, series: Series, violations: Violations) -> Series:
        plain = _unwrap(series)
        if plain is series:
            return self._reject_dtype(series, violations)
        self._require_conversion(series, violations)
        return self.check_series(plain, violations)

    def _reject_dtype(self, series: Series, violations: Violations) -> Series:
        self._add_dtype(ViolationCode.WRONG_TYPE, series, violations)
        return series

    def _require_conversion(self, series: Series, violations: Violations) -> None:
        if self.strict:
            self._add_dtype(ViolationCode.NEEDS_CONVERSION, series, violations)

    def _add_dtype(self, code: str, series: Series, violations: Violations) -> None:
        violations.add_message(code, self.path, self.expected, f"dtype {str(series.dtype)[:60]}")

    def _reject_nulls(self, null: Mask, violations: Violations) -> None:
        for row in np.flatnonzero(null).tolist():
            violations.add(ViolationCode.NULL, self.path, row, self.expected, None)


class NestedColumn(Column):
    """A column of arrays, objects or maps."""

    def check_series(self, series: Series, violations: Violations) -> Series:
        return self._check_objects(series, violations)

    def check_values(self, values: list[object], violations: Violations) -> Values:
        return object_array(self._convert(values, violations))


class TextColumn(Column):
    """A column of `string` or `binary`."""

    def check_series(self, series: Series, violations: Violations) -> Series:
        dtype = series.dtype
        if dtype == _OBJECT:
            return (
                series if self._has_only_text(series) else self._check_objects(series, violations)
            )
        if isinstance(dtype, pd.StringDtype) and self.expected == "string":
            if self.required:
                # `series.hasnans` takes ten times as long.
                self._reject_nulls(series.array.isna(), violations)
            return series
        return self._check_unwrapped(series, violations)

    def _has_only_text(self, series: Series) -> bool:
        """Return whether each cell conforms, by one loop in C; only a strict type is exact."""
        if self.strict:
            return False
        kind = pd.api.types.infer_dtype(series.to_numpy(), skipna=not self.required)
        return bool(kind == ("string" if self.expected == "string" else "bytes"))

    def check_values(self, values: list[object], violations: Violations) -> Values:
        converted = self._convert(values, violations)
        if values and self.expected == "string":
            # Arrow cannot encode a lone surrogate, which a Python string may contain.
            with contextlib.suppress(UnicodeEncodeError):
                return pd.Series(converted)
        return object_array(converted)


class NumberColumn(Column):
    """A column of booleans, integers or floats."""

    native_dtype: np.dtype[np.generic]

    def __init__(self, spec: ColSpec, label: Hashable, *, strict: bool) -> None:
        dtype: Any = spec.type
        self.native_dtype = dtype.to_numpy()
        super().__init__(spec, label, strict=strict)

    def _is_nullable(self) -> bool:
        # NaN is a float.
        return not self.required or self.native_dtype.kind == "f"

    def check_series(self, series: Series, violations: Violations) -> Series:
        dtype = series.dtype
        if dtype == self.native_dtype:
            return series
        if dtype == _OBJECT:
            return self._check_objects(series, violations)
        kind = getattr(dtype, "kind", "O")
        if kind == "O" or isinstance(dtype, (pd.CategoricalDtype, pd.SparseDtype, pd.StringDtype)):
            return self._check_unwrapped(series, violations)
        if kind != self.native_dtype.kind and not {kind, self.native_dtype.kind} <= set("iuf"):
            return self._reject_dtype(series, violations)
        return self._check_numbers(series, violations)

    def _check_numbers(self, series: Series, violations: Violations) -> Series:
        is_float = self.native_dtype.kind == "f"
        values, null = _split_nulls(series, keeps_nan=is_float)
        if null is not None and not is_float:
            if self.required:
                self._reject_nulls(null, violations)
            elif series.dtype == self._masked_dtype():
                return series
        self._require_conversion(series, violations)
        converted, lost = cast_with_losses(values, self.native_dtype)
        if lost is not None:
            # A null is 0 among the values, which no cast changes.
            rows = np.flatnonzero(lost)
            violations.add_rows(ViolationCode.LOSSY, self.path, rows, self.expected, series.array)
        if null is None:
            return self._as_series(converted, series)
        return self._as_series(self._with_nulls(converted, null), series)

    def _check_objects(self, series: Series, violations: Violations) -> Series:
        values = series.tolist()
        # No NumPy dtype holds booleans and nulls, so MLflow leaves them unchanged as well.
        if self.native_dtype.kind == "b" and None in values and self.node.accepts_all(values):
            return series
        return self._as_series(self.check_values(values, violations), series)

    def _masked_dtype(self) -> str:
        bits = 8 * self.native_dtype.itemsize
        return {"b": "boolean", "i": f"Int{bits}"}.get(self.native_dtype.kind, "")

    def _with_nulls(self, values: Array, null: Mask) -> Values:
        if self.native_dtype.kind == "f":
            return np.where(null, self.native_dtype.type("nan"), values)
        # Only the masked dtypes hold nulls next to every integer or boolean.
        if self.native_dtype.kind == "b":
            return pd.arrays.BooleanArray(values, null)
        return pd.arrays.IntegerArray(values, null)

    def _as_series(self, values: Values, like: Series) -> Series:
        return pd.Series(values, index=like.index, name=like.name, copy=False)

    def _convert(self, values: list[Any], violations: Violations) -> Sequence[Any]:
        if self.node.accepts_all(values):
            return values
        is_double = not self.strict and self.native_dtype == np.float64
        doubles = _to_doubles(values) if is_double and len(values) >= _VECTOR_ROWS else None
        if doubles is None:
            return self.node.convert_all(values, self.path, violations)
        return doubles

    def check_values(self, values: list[object], violations: Violations) -> Values:
        before = len(violations)
        converted = self._convert(values, violations)
        if len(violations) > before:
            return object_array(converted)
        if self.native_dtype.kind != "f" and None in converted:
            if self.native_dtype.kind == "b":
                return object_array(converted)
            dtype: Any = self._masked_dtype()
            masked: Values = pd.array(converted, dtype=dtype)
            return masked
        return np.array(converted, dtype=self.native_dtype)


class DatetimeColumn(Column):
    """A column of points in time without a time zone; those with one are converted to UTC."""

    native_dtype = np.dtype("datetime64[ns]")

    def _is_nullable(self) -> bool:
        # NaT is a value of the dtype, as NaN is of floats.
        return True

    def check_series(self, series: Series, violations: Violations) -> Series:
        dtype = series.dtype
        if isinstance(dtype, np.dtype) and dtype.kind == "M":
            is_native = self.strict or dtype == self.native_dtype
            return series if is_native else self._in_nanoseconds(series)
        if dtype == _OBJECT or isinstance(dtype, pd.StringDtype):
            converted = self.check_values(series.tolist(), violations)
            converted.index, converted.name = series.index, series.name
            return converted
        return self._check_unwrapped(series, violations)

    def _in_nanoseconds(self, series: Series) -> Series:
        try:
            return series.astype(self.native_dtype)
        except pd.errors.OutOfBoundsDatetime:
            # Only a coarser unit holds the years before 1677 and after 2262.
            return series

    def check_values(self, values: list[object], violations: Violations) -> Series:
        before = len(violations)
        converted = self._convert(values, violations)
        if len(violations) > before:
            return pd.Series(converted, dtype=object)
        try:
            return pd.Series(converted, dtype=self.native_dtype)
        except pd.errors.OutOfBoundsDatetime:
            return pd.Series(np.array(converted, dtype="datetime64[us]"))


_SCALAR_COLUMNS: dict[DataType, type[Column]] = {
    DataType.string: TextColumn,
    DataType.binary: TextColumn,
    DataType.datetime: DatetimeColumn,
}


def compile_column(spec: ColSpec, label: Hashable, *, strict: bool = False) -> Column:
    """Compile one column.

    Example:
        >>> column = compile_column(ColSpec("double", "x"), "x")
        >>> column.check_series(pd.Series([1, 2]), Violations()).dtype
        dtype('float64')
    """
    kind: type[Column] = NestedColumn
    if isinstance(spec.type, AnyType):
        kind = Column
    elif isinstance(spec.type, DataType):
        kind = _SCALAR_COLUMNS.get(spec.type, NumberColumn)
    return kind(spec, label, strict=strict)


_VECTOR_ROWS = 64
"""The number of rows from which NumPy converts a list faster than Python."""


def _to_doubles(values: list[Any]) -> Sequence[Any] | None:
    """Convert integers next to floats and nulls; return None if a value may not be exact."""
    if not set(map(type, values)) <= {int, float, type(None)}:
        return None
    try:
        doubles: Any = np.array(values, dtype=np.float64)
    except OverflowError:
        return None
    return None if (np.abs(doubles) >= DOUBLE_LIMIT).any() else doubles


def object_array(values: Sequence[object]) -> Array:
    """Return an object array `(n_rows,)` of arbitrary Python values.

    Example:
        >>> object_array([[1], [2]]).shape
        (2,)
    """
    array = np.empty(len(values), dtype=object)
    # `array[:] = values` would unpack nested sequences.
    for row, value in enumerate(values):
        array[row] = value
    return array


def _split_nulls(series: Series, *, keeps_nan: bool) -> tuple[Array, Mask | None]:
    """Return the values of a series of numbers, nulls as 0, and the mask of nulls if it has any."""
    dtype: Any = series.dtype
    null = None
    if isinstance(dtype, np.dtype):
        values = series.to_numpy()
    else:
        null = series.isna().to_numpy() if series.hasnans else None
        values = series.to_numpy(dtype=dtype.numpy_dtype, na_value=dtype.numpy_dtype.type(0))
    if keeps_nan or null is not None or values.dtype.kind != "f":
        return values, null
    nan = np.isnan(values)
    return (np.where(nan, 0, values), nan) if nan.any() else (values, None)


def _unwrap(series: Any) -> Any:
    """Return a series without its category, time zone, sparse or Arrow dtype.

    The same object is returned if the dtype is none of these.
    """
    dtype = series.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return _unwrap_category(series, dtype.categories.dtype)
    if isinstance(dtype, pd.DatetimeTZDtype):
        return series.dt.tz_convert("UTC").dt.tz_localize(None)
    if isinstance(dtype, pd.SparseDtype):
        return series.sparse.to_dense()
    if isinstance(dtype, pd.ArrowDtype):
        return _from_arrow(series)
    return series


def _unwrap_category(series: Series, dtype: Any) -> Series:
    is_string = isinstance(dtype, pd.StringDtype)
    holds_nulls = is_string or getattr(dtype, "kind", "O") in "fM"
    return series.astype(dtype if holds_nulls or not series.hasnans else object)


def _from_arrow(series: Any) -> Any:
    arrow = series.dtype.pyarrow_dtype
    zone = getattr(arrow, "tz", None)
    if zone:
        return series.astype(pd.DatetimeTZDtype(arrow.unit, zone))
    if str(arrow).startswith("timestamp"):
        return series.astype(f"datetime64[{arrow.unit}]")
    if str(arrow) == "string_view":
        # pandas cannot convert this dtype.
        return pd.Series(series.array.tolist(), index=series.index, name=series.name, dtype="str")
    if "string" in str(arrow).split("<")[0]:
        return series.astype("str")
    values = object_array(series.array.tolist())
    return pd.Series(values, index=series.index, name=series.name)
