"""One column: what its dtype answers is never asked of its cells."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped, unused-ignore]
from mlflow.types.schema import AnyType, ColSpec, DataType

from modelpact.signature.enforcement import casting
from modelpact.signature.enforcement.nested import node
from modelpact.signature.enforcement.violations import Code, Failures

__all__ = ["Column", "column", "objects"]

_OBJECT = np.dtype("O")

Series = Any
"""A pandas Series, `(n_rows,)`."""


class Column:
    """One column of a schema; this class itself is the column of any type.

    Args:
        spec: MLflow's column.
        label: What the column is called in messages: its name, or its position.
        strict: Whether data that needs a conversion is refused.
    """

    native: Any = None
    """The NumPy dtype that needs no look at the values; None where every dtype does."""

    def __init__(self, spec: ColSpec, label: Any, *, strict: bool) -> None:
        self.place = (label,)
        self.required = bool(spec.required)
        self.strict = strict
        self.node = node(spec.type, nullable=self._nullable(), strict=strict)
        self.expected = self.node.expected

    def _nullable(self) -> bool:
        return not self.required

    def series(self, series: Series, failures: Failures) -> Series:
        """A column of a frame: the same object where it conforms, else a converted one; failures are noted."""
        return series

    def values(self, values: list[Any], failures: Failures) -> Any:
        """A column given as Python values, one a row, with None where a row has none.

        Integers beside fractions or nulls stay as they are: as doubles, those beyond 2**53 would be others.
        """
        kinds = set(map(type, values))
        mixed = int in kinds and bool(kinds & {float, type(None)})
        return pd.Series(values, dtype=object if mixed or not values else None)

    def _converted(self, values: list[Any], failures: Failures) -> list[Any]:
        if self.node.fits(values):
            return values
        convert, place = self.node.convert, self.place
        return [convert(value, place, row, failures) for row, value in enumerate(values)]

    def _wrong(self, series: Series, failures: Failures) -> Series:
        failures.say(
            Code.WRONG_TYPE, self.place, None, self.expected, f"dtype {str(series.dtype)[:60]}"
        )
        return series

    def _needs_conversion(self, series: Series, failures: Failures) -> None:
        if self.strict:
            failures.say(
                Code.NEEDS_CONVERSION,
                self.place,
                None,
                f"{self.expected}",
                f"dtype {str(series.dtype)[:60]}",
            )

    def _no_nulls(self, null: Any, failures: Failures) -> None:
        for row in np.flatnonzero(null).tolist():
            failures.add(Code.NULL, self.place, row, self.expected, None)


class NestedColumn(Column):
    """Arrays, objects and maps, one a cell."""

    def series(self, series: Series, failures: Failures) -> Series:
        """A column of a frame."""
        values = series.tolist()
        if series.dtype == _OBJECT and self.node.fits(values):
            return series
        return pd.Series(
            objects(self._converted(values, failures)), index=series.index, name=series.name
        )

    def values(self, values: list[Any], failures: Failures) -> Any:
        """A column given as Python values."""
        return objects(self._converted(values, failures))


class TextColumn(Column):
    """`string` and `binary`."""

    def series(self, series: Series, failures: Failures) -> Series:
        """A column of a frame."""
        dtype = series.dtype
        if dtype == _OBJECT:
            values = series.tolist()
            if self.node.fits(values):
                return series
            return pd.Series(
                objects(self._converted(values, failures)), index=series.index, name=series.name
            )
        if isinstance(dtype, pd.StringDtype) and self.expected == "string":
            if self.required and (null := series.array.isna()).any():
                self._no_nulls(null, failures)
            return series
        if (plain := _unwrapped(series)) is series:
            return self._wrong(series, failures)
        self._needs_conversion(series, failures)
        return self.series(plain, failures)

    def values(self, values: list[Any], failures: Failures) -> Any:
        """A column given as Python values."""
        converted = self._converted(values, failures)
        if values and self.expected == "string":
            with contextlib.suppress(
                UnicodeEncodeError
            ):  # half a surrogate pair is a text of Python's, and none of Arrow's
                return pd.Series(converted)
        return objects(converted)


class NumberColumn(Column):
    """Booleans, integers and floats."""

    def __init__(self, spec: ColSpec, label: Any, *, strict: bool) -> None:
        dtype: Any = spec.type
        self.native = dtype.to_numpy()
        super().__init__(spec, label, strict=strict)

    def _nullable(self) -> bool:
        return not self.required or self.native.kind == "f"  # NaN is a float

    def series(self, series: Series, failures: Failures) -> Series:
        """A column of a frame."""
        dtype = series.dtype
        if dtype == self.native:
            return series
        if dtype == _OBJECT:
            values = series.tolist()
            if self.native.kind == "b" and self.node.fits(values) and None in values:
                return series  # as MLflow leaves them: no NumPy dtype holds booleans and nulls
            return self._series(self.values(values, failures), series)
        kind = getattr(dtype, "kind", "O")
        if kind == "O" or isinstance(dtype, (pd.CategoricalDtype, pd.SparseDtype, pd.StringDtype)):
            if (plain := _unwrapped(series)) is series:
                return self._wrong(series, failures)
            self._needs_conversion(series, failures)
            return self.series(plain, failures)
        if not (kind == self.native.kind or {kind, self.native.kind} <= set("iuf")):
            return self._wrong(series, failures)
        if isinstance(dtype, np.dtype):
            return self._cast(series, series.to_numpy(), None, failures)
        plain_dtype = dtype.numpy_dtype
        null = series.isna().to_numpy() if series.hasnans else None
        return self._cast(
            series, series.to_numpy(dtype=plain_dtype, na_value=plain_dtype.type(0)), null, failures
        )

    def _cast(self, series: Series, values: Any, null: Any, failures: Failures) -> Series:
        if (
            self.native.kind != "f"
            and values.dtype.kind == "f"
            and null is None
            and (nan := np.isnan(values)).any()
        ):
            null, values = nan, np.where(nan, 0, values)
        if null is not None and self.native.kind != "f":
            if self.required:
                self._no_nulls(null, failures)
            elif series.dtype == self._masked_dtype():
                return series
        self._needs_conversion(series, failures)
        converted, lost = casting.cast(values, self.native)
        if lost is not None:
            if null is not None:
                lost &= ~null
            failures.add_rows(
                Code.LOSSY, self.place, np.flatnonzero(lost), self.expected, series.array
            )
        if null is None:
            return self._series(converted, series)
        return self._series(self._with_nulls(converted, null), series)

    def _masked_dtype(self) -> str:
        return {"b": "boolean", "i": f"Int{8 * self.native.itemsize}"}.get(self.native.kind, "")

    def _with_nulls(self, values: Any, null: Any) -> Any:
        if self.native.kind == "f":
            return np.where(null, self.native.type("nan"), values)
        # The only dtypes that hold every integer, or every boolean, and nulls beside them.
        return (
            pd.arrays.BooleanArray(values, null)
            if self.native.kind == "b"
            else pd.arrays.IntegerArray(values, null)
        )

    def _series(self, values: Any, like: Series) -> Series:
        return pd.Series(values, index=like.index, name=like.name, copy=False)

    def values(self, values: list[Any], failures: Failures) -> Any:
        """A column given as Python values."""
        before = len(failures)
        converted = self._converted(values, failures)
        if len(failures) > before:
            return objects(converted)
        if self.native.kind != "f" and None in converted:
            dtype: Any = self._masked_dtype()
            return (
                objects(converted) if self.native.kind == "b" else pd.array(converted, dtype=dtype)
            )
        return np.array(converted, dtype=self.native)


class DatetimeColumn(Column):
    """Points in time, without a time zone; those with one become UTC."""

    native = np.dtype("datetime64[ns]")

    def _nullable(self) -> bool:
        return True  # NaT is a value of the dtype, as NaN is of floats

    def series(self, series: Series, failures: Failures) -> Series:
        """A column of a frame."""
        dtype = series.dtype
        if dtype == self.native or (
            self.strict and isinstance(dtype, np.dtype) and dtype.kind == "M"
        ):
            return series
        if isinstance(dtype, np.dtype) and dtype.kind == "M":
            return self._in_nanoseconds(series)
        if dtype == _OBJECT or isinstance(dtype, pd.StringDtype):
            return self._named(self.values(series.tolist(), failures), series)
        if (plain := _unwrapped(series)) is series:
            return self._wrong(series, failures)
        self._needs_conversion(series, failures)
        return self.series(plain, failures)

    def _in_nanoseconds(self, series: Series) -> Series:
        try:
            return series.astype(self.native)
        except pd.errors.OutOfBoundsDatetime:
            return series  # before 1677 or after 2262: only its own, coarser unit holds it

    def _named(self, converted: Series, like: Series) -> Series:
        return converted.set_axis(like.index).rename(like.name)

    def values(self, values: list[Any], failures: Failures) -> Any:
        """A column given as Python values."""
        before = len(failures)
        converted = self._converted(values, failures)
        if len(failures) > before:
            return pd.Series(converted, dtype=object)
        try:
            return pd.Series(converted, dtype=self.native)
        except pd.errors.OutOfBoundsDatetime:
            return pd.Series(np.array(converted, dtype="datetime64[us]"))


def column(spec: ColSpec, label: Any, *, strict: bool = False) -> Column:
    """Compile one column.

    Example:
        >>> column(ColSpec("double", "x"), "x").series(pd.Series([1, 2]), Failures()).dtype
        dtype('float64')
    """
    kind: type[Column] = NestedColumn
    if isinstance(spec.type, AnyType):
        kind = Column
    elif isinstance(spec.type, DataType):
        kind = {
            DataType.string: TextColumn,
            DataType.binary: TextColumn,
            DataType.datetime: DatetimeColumn,
        }.get(spec.type, NumberColumn)
    return kind(spec, label, strict=strict)


def objects(values: list[Any]) -> Any:
    """An array `(n_rows,)` of Python objects, whatever they are.

    Example:
        >>> objects([[1], [2]]).shape
        (2,)
    """
    array = np.empty(len(values), dtype=object)
    for row, value in enumerate(values):  # `array[:] = values` takes arrays apart
        array[row] = value
    return array


def _unwrapped(series: Series) -> Series:
    """A series without the wrapping of its dtype (category, time zone, sparse, Arrow); the same object where it has none."""
    dtype = series.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        inner = dtype.categories.dtype
        holds_nulls = isinstance(inner, pd.StringDtype) or getattr(inner, "kind", "O") in "fM"
        return series.astype(inner if holds_nulls or not series.hasnans else object)
    if isinstance(dtype, pd.DatetimeTZDtype):
        return series.dt.tz_convert("UTC").dt.tz_localize(None)
    if isinstance(dtype, pd.SparseDtype):
        return series.sparse.to_dense()
    if isinstance(dtype, pd.ArrowDtype):
        return _from_arrow(series)
    return series


def _from_arrow(series: Series) -> Series:
    arrow = series.dtype.pyarrow_dtype
    zone = getattr(arrow, "tz", None)
    if zone:
        return series.astype(pd.DatetimeTZDtype(arrow.unit, zone))
    if str(arrow).startswith("timestamp"):
        return series.astype(f"datetime64[{arrow.unit}]")
    if "string" in str(arrow).split("<")[0]:
        return series.astype("str")
    return pd.Series(objects(series.array.tolist()), index=series.index, name=series.name)
