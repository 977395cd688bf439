"""Compiled checks of tensors: arrays, sparse matrices, lists and frames of one dtype and shape."""

from __future__ import annotations

import contextlib
import math
import sys
from collections.abc import Hashable, Sequence
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped, unused-ignore]
from mlflow.types.schema import Schema, TensorSpec

from modelpact.signature.enforcement.casting import Array, are_castable, cast_with_losses
from modelpact.signature.enforcement.columns import Series, object_array
from modelpact.signature.enforcement.options import report_extra
from modelpact.signature.enforcement.payloads import to_frame
from modelpact.signature.enforcement.violations import (
    DEFAULT_LIMIT,
    ViolationCode,
    Violations,
    misspelled,
)
from modelpact.signature.field_path import FieldPath
from modelpact.signature.language.tensor_types import accepts_any_array

__all__ = ["CompiledTensors", "Tensor", "is_sparse"]

_OBJECT = np.dtype("O")


class Tensor:
    """The checks of one tensor.

    Args:
        spec: MLflow's tensor; -1 in its shape is a free axis.
        strict: Whether data that needs a conversion is rejected.
    """

    def __init__(self, spec: TensorSpec, *, strict: bool) -> None:
        self.dtype = spec.type
        self.shape = tuple(spec.shape)
        self.strict = strict
        self.expected = f"{self.dtype.name}[{', '.join(map(str, self.shape))}]"
        self._accepts_any = accepts_any_array(spec)
        self._may_be_ragged = -1 in self.shape[1:]

    def check(self, value: object, path: FieldPath, violations: Violations) -> object:
        """Check an array, a sparse matrix or a list.

        Returns:
            The same object if it conforms, otherwise an array that is converted without loss.
        """
        if isinstance(value, np.ndarray):
            if value.dtype == self.dtype and self._fits(value.shape):
                return value
            return self._check_array(value, path, violations)
        if is_sparse(value):
            return value if self._accepts_any else self._check_sparse(value, path, violations)
        if isinstance(value, (list, tuple)):
            return self._check_list(value, path, violations)
        violations.add(ViolationCode.WRONG_KIND, path, None, self.expected, value)
        return value

    def check_series(self, series: Series, path: FieldPath, violations: Violations) -> Array:
        """Check a column of a frame whose cells are scalars, lists or arrays, one per row."""
        if self._accepts_any:
            return series.to_numpy(dtype=object)
        cells = _to_numpy(series)
        if cells.dtype != _OBJECT or not len(cells) or not isinstance(cells[0], (list, np.ndarray)):
            shaped = cells.reshape(-1, 1) if self.shape == (-1, 1) else cells
            return self._check_array(shaped, path, violations, rounds=True)
        return self._check_cells(cells, path, violations)

    def _check_cells(self, cells: Array, path: FieldPath, violations: Violations) -> Array:
        array = _stack_cells(cells, self.dtype)
        if array is None:
            got = "cells of different lengths or types"
            violations.add_message(ViolationCode.WRONG_SHAPE, path, self.expected, got)
            return cells
        if not self._fits(array.shape) and array.size == abs(int(np.prod(self.shape))) * len(cells):
            # Cells may be flat, because their shape is in the signature. With two free axes the
            # shape is ambiguous, and NumPy raises.
            with contextlib.suppress(ValueError):
                array = array.reshape(len(cells), *self.shape[1:])
        return self._check_array(array, path, violations, rounds=isinstance(cells[0], list))

    def check_frame(self, data: pd.DataFrame, violations: Violations) -> Array | pd.DataFrame:
        """Check a frame: one column as a tensor of its cells, several as `(n_rows, n_columns)`."""
        if data.empty:
            violations.add_message(ViolationCode.WRONG_SHAPE, (), self.expected, "an empty frame")
            return data
        if data.shape[1] == 1:
            return self.check_series(data.iloc[:, 0], (), violations)
        if len(set(data.dtypes)) == 1 and isinstance(data.dtypes.iloc[0], np.dtype):
            return self._check_array(data.to_numpy(), (), violations, rounds=True)
        before = len(violations)
        column = Tensor(TensorSpec(self.dtype, (-1,)), strict=self.strict)
        columns = [
            column.check_series(data.iloc[:, position], (label,), violations)
            for position, label in enumerate(data.columns)
        ]
        if len(violations) > before:
            return data
        return self._check_array(np.column_stack(columns), (), violations)

    def _fits(self, shape: tuple[int, ...]) -> bool:
        return len(shape) == len(self.shape) and all(
            axis in (-1, given) for axis, given in zip(self.shape, shape, strict=True)
        )

    def _check_array(
        self, value: Array, path: FieldPath, violations: Violations, *, rounds: bool = False
    ) -> Array:
        """Check an array; `rounds` accepts floats that are rounded to the width of the tensor."""
        if self._accepts_any:
            return value
        if self._may_be_ragged and value.ndim == 1 and value.dtype == _OBJECT:
            return self._check_ragged(value, path, violations)
        if not self._fits(value.shape):
            self._add_shape(value, path, violations)
            return value
        return self._convert_dtype(value, path, violations, rounds=rounds)

    def _convert_dtype(
        self, value: Array, path: FieldPath, violations: Violations, *, rounds: bool
    ) -> Array:
        dtype = value.dtype
        if dtype == self.dtype or dtype.kind == self.dtype.kind in "US":
            return value
        got = f"dtype {dtype}"
        if self.strict:
            violations.add_message(ViolationCode.NEEDS_CONVERSION, path, self.expected, got)
            return value
        typed = _infer_dtype(value, self.dtype) if dtype == _OBJECT else value
        if typed is None or not are_castable(typed.dtype, self.dtype):
            violations.add_message(ViolationCode.WRONG_TYPE, path, self.expected, got)
            return value
        return self._cast(typed, path, violations, rounds=rounds)

    def _add_shape(self, value: Any, path: FieldPath, violations: Violations) -> None:
        got = f"shape {tuple(value.shape)}"[:80]
        violations.add_message(ViolationCode.WRONG_SHAPE, path, self.expected, got)

    def _cast(
        self, value: Array, path: FieldPath, violations: Violations, *, rounds: bool
    ) -> Array:
        if rounds and value.dtype.kind == self.dtype.kind == "f":
            with np.errstate(over="ignore"):
                converted = value.astype(self.dtype)
            lost = np.isinf(converted) & ~np.isinf(value)
        else:
            converted, changed = cast_with_losses(value, self.dtype)
            if changed is None:
                return converted
            lost = changed
        indices = np.argwhere(lost)
        for index in indices[:DEFAULT_LIMIT].tolist():
            where = (*path, *index[1:]) if path else ()
            item = value[tuple(index)]
            violations.add(ViolationCode.LOSSY, where, index[0], self.expected, item)
        violations.total += max(len(indices) - DEFAULT_LIMIT, 0)
        return converted

    def _check_ragged(self, value: Array, path: FieldPath, violations: Violations) -> Array:
        """Check an array of arrays of different shapes; each must fit the axes after the first."""
        if self.shape[0] not in (-1, len(value)):
            got = f"{len(value)} rows"
            violations.add_message(ViolationCode.WRONG_SHAPE, path, self.expected, got)
        inner = Tensor(TensorSpec(self.dtype, self.shape[1:]), strict=self.strict)
        before = len(violations)
        rows = [inner.check(row, path, violations) for row in value]
        is_same = all(row is given for row, given in zip(rows, value, strict=True))
        return value if is_same or len(violations) > before else object_array(rows)

    def _check_list(
        self, value: Sequence[object], path: FieldPath, violations: Violations
    ) -> Array | Sequence[object]:
        """Check a list. It has no dtype, so its floats are rounded to the width of the tensor."""
        if self.strict:
            violations.add(ViolationCode.NEEDS_CONVERSION, path, None, self.expected, value)
            return value
        try:
            listed = np.array(value)
        except ValueError:
            if self._accepts_any:
                return object_array(value)
            # The rows have different lengths.
            if self._may_be_ragged:
                return self._check_ragged(object_array(list(value)), path, violations)
            violations.add(ViolationCode.WRONG_SHAPE, path, None, self.expected, value)
            return value
        if not listed.size and self._fits(listed.shape):
            return listed.astype(self.dtype)
        array = self._restore_items(value, listed)
        if array is None:
            got = "a list of values of different types"
            violations.add_message(ViolationCode.WRONG_TYPE, path, self.expected, got)
            return value
        return self._check_array(array, path, violations, rounds=True)

    def _restore_items(self, value: Sequence[object], listed: Array) -> Array | None:
        """Undo conversions of NumPy, which reads 1 next to "a" as "1", and True next to 2 as 1."""
        if self.dtype == _OBJECT:
            return _to_objects(value, listed.shape)
        if listed.dtype.kind in "USO" or (listed.dtype.kind in "iufc" and listed.ndim):
            return _infer_dtype(_to_objects(value, listed.shape), self.dtype)
        return listed

    def _check_sparse(self, value: Any, path: FieldPath, violations: Violations) -> object:
        if not self._fits(value.shape):
            self._add_shape(value, path, violations)
            return value
        sparse = sys.modules["scipy.sparse"]
        is_compressed = isinstance(value, (sparse.csr_matrix, sparse.csc_matrix))
        if is_compressed and value.dtype == self.dtype:
            return value
        if self.strict or not are_castable(value.dtype, self.dtype):
            code = ViolationCode.NEEDS_CONVERSION if self.strict else ViolationCode.WRONG_TYPE
            got = f"{type(value).__name__} of dtype {value.dtype}"
            violations.add_message(code, path, self.expected, got)
            return value
        matrix = value if is_compressed else sparse.csr_matrix(value)
        return self._cast_sparse(matrix, path, violations)

    def _cast_sparse(self, matrix: Any, path: FieldPath, violations: Violations) -> object:
        data, lost = cast_with_losses(matrix.data, self.dtype)
        if lost is not None:
            n_lost = int(lost.sum())
            got = f"dtype {matrix.dtype}, where the conversion would change {n_lost} values"
            violations.add_message(ViolationCode.LOSSY, path, self.expected, got)
        return type(matrix)((data, matrix.indices, matrix.indptr), shape=matrix.shape)


class CompiledTensors:
    """The checks of a schema of tensors: a single unnamed one, or several named ones.

    Args:
        schema: MLflow's schema.
        strict: Whether data that needs a conversion is rejected.
        extra: What to do with tensors that are not in the schema: `ignore`, `warn` or `forbid`.
    """

    def __init__(self, schema: Schema, *, strict: bool, extra: str) -> None:
        specs: Any = schema.inputs
        self._tensors = [Tensor(spec, strict=strict) for spec in specs]
        self._names = [spec.name for spec in specs]
        self._extra = extra

    def check(self, data: object, violations: Violations) -> object:
        """Check data of any kind.

        Returns:
            An array or a sparse matrix; for named tensors a dict of them in the schema's order.
        """
        if not isinstance(data, (np.ndarray, dict, list, pd.DataFrame)):
            frame = to_frame(data)
            data = data if frame is None else frame
        if self._names[0] is not None:
            return self._check_named(data, violations)
        if isinstance(data, pd.DataFrame):
            return self._tensors[0].check_frame(data, violations)
        return self._tensors[0].check(data, (), violations)

    def _check_named(self, data: object, violations: Violations) -> object:
        if isinstance(data, np.ndarray) and len(self._names) == 1:
            data = {self._names[0]: data}
        if not isinstance(data, (dict, pd.DataFrame)):
            expected = f"a dict of {len(self._names)} tensors"
            violations.add(ViolationCode.WRONG_KIND, (), None, expected, data)
            return data
        checked = self._check_members(data, violations)
        is_same = (
            isinstance(data, dict)
            and list(data) == self._names
            and all(checked[name] is data[name] for name in self._names)
        )
        return data if is_same else checked

    def _check_members(
        self, data: dict[Hashable, object] | pd.DataFrame, violations: Violations
    ) -> dict[str, object]:
        unknown = [key for key in data if key not in self._names]
        checked = {}
        for name, tensor in zip(self._names, self._tensors, strict=True):
            if name in data:
                checked[name] = _check_member(tensor, name, data[name], data, violations)
            else:
                got = f"no tensor{misspelled(name, unknown)}"
                violations.add_message(ViolationCode.MISSING_COLUMN, (name,), tensor.expected, got)
        for key in unknown:
            report_extra(
                self._extra,
                (key,),
                "a tensor of the signature",
                "an unknown tensor",
                warning=f"tensor {str(key)[:40]!r} is not in the signature and is ignored",
                violations=violations,
            )
        return checked


def _check_member(
    tensor: Tensor,
    name: Hashable,
    value: Any,
    data: dict[Hashable, object] | pd.DataFrame,
    violations: Violations,
) -> object:
    """Check one value of a dict, or one column of a frame."""
    if isinstance(data, dict):
        return tensor.check(value, (name,), violations)
    if isinstance(value, pd.DataFrame):
        violations.add_message(
            ViolationCode.DUPLICATE_COLUMN, (name,), "one column", "several columns of that name"
        )
        return value
    return tensor.check_series(value, (name,), violations)


def is_sparse(value: object) -> bool:
    """Return whether a value is a matrix or an array of scipy.sparse, without importing it."""
    sparse = sys.modules.get("scipy.sparse")
    return sparse is not None and bool(sparse.issparse(value))


def _to_numpy(series: Series) -> Array:
    dtype = series.dtype
    if isinstance(dtype, pd.CategoricalDtype) and not series.hasnans:
        return _to_numpy(series.astype(dtype.categories.dtype))
    if hasattr(dtype, "numpy_dtype") and not series.hasnans:
        return series.to_numpy(dtype=dtype.numpy_dtype)
    return series.to_numpy()


def _stack_cells(cells: Array, target: np.dtype[Any]) -> Array | None:
    """Return an array of the cells; None if they have different lengths or types."""
    try:
        array = np.array(cells.tolist())
        if array.dtype.kind in "USOiu":
            return _infer_dtype(_to_objects(cells.tolist(), array.shape), target)
    except ValueError:
        return None
    return array


def _infer_dtype(value: Array, target: np.dtype[Any]) -> Array | None:
    """Return an array of objects in the dtype of its items; None if their types differ.

    For a target of floats, None is NaN.
    """
    flat = value.ravel().tolist()
    if target.kind == "f":
        flat = [math.nan if item is None else item for item in flat]
    if _is_mixed(flat):
        return None
    try:
        typed = np.array(flat)
    except ValueError:
        # The items are sequences of different lengths.
        return None
    return None if typed.dtype == _OBJECT or typed.ndim != 1 else typed.reshape(value.shape)


def _is_mixed(items: list[object]) -> bool:
    """Return whether no dtype holds all the items unchanged."""
    families = {_type_family(kind) for kind in set(map(type, items))}
    if families == {int, float}:
        # As doubles, larger integers would change.
        return any(isinstance(item, int) and abs(item) > 2**53 for item in items)
    return len(families) > 1


def _type_family(kind: type) -> type:
    for family in (bool, int, float, str, bytes):
        if issubclass(kind, family):
            return family
    if not issubclass(kind, np.generic):
        return kind
    return {"b": bool, "i": int, "u": int, "f": float}.get(np.dtype(kind).kind, kind)


def _to_objects(value: Any, shape: tuple[int, ...]) -> Array:
    """Return nested lists as an array of their unchanged items."""
    for _ in shape[1:]:
        value = list(chain.from_iterable(value))
    return object_array(list(value)).reshape(shape)
