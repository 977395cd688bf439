"""Tensors: arrays of a known dtype and shape, from arrays, sparse matrices, lists and the columns of frames."""

from __future__ import annotations

import contextlib
import sys
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped, unused-ignore]
from mlflow.types.schema import TensorSpec

from modelpact.signature.enforcement import casting
from modelpact.signature.enforcement.violations import Code, Failures
from modelpact.signature.field_path import FieldPath

__all__ = ["Tensor", "is_sparse"]

_OBJECT = np.dtype("O")


class Tensor:
    """One compiled tensor.

    Args:
        spec: MLflow's tensor; -1 in its shape is a free axis.
        strict: Whether data that needs a conversion is refused.
    """

    def __init__(self, spec: TensorSpec, *, strict: bool) -> None:
        self.dtype = spec.type
        self.shape = tuple(spec.shape)
        self.strict = strict
        self.expected = f"{self.dtype.name}[{', '.join(map(str, self.shape))}]"
        # MLflow infers this spec from arrays of arrays, and says nothing more about them.
        self._anything = self.shape == (-1,) and self.dtype == _OBJECT
        self._may_be_ragged = len(self.shape) > 1 and -1 in self.shape[1:]

    def check(self, value: Any, place: FieldPath, failures: Failures) -> Any:
        """An array, a sparse matrix or a list: the same object where it conforms, else one converted without loss."""
        if isinstance(value, np.ndarray):
            if value.dtype == self.dtype and self._fits(value.shape):
                return value
            return self._array(value, place, failures)
        if is_sparse(value):
            return self._sparse(value, place, failures)
        if isinstance(value, (list, tuple)):
            return self._listed(value, place, failures)
        failures.add(Code.WRONG_KIND, place, None, self.expected, value)
        return value

    def _fits(self, shape: tuple[int, ...]) -> bool:
        return len(shape) == len(self.shape) and all(
            axis in (-1, given) for axis, given in zip(self.shape, shape, strict=True)
        )

    def _array(
        self, value: Any, place: FieldPath, failures: Failures, *, rounds: bool = False
    ) -> Any:
        if self._anything:
            return value
        if self._may_be_ragged and value.ndim == 1 and value.dtype == _OBJECT:
            return self._ragged(value, place, failures)
        if not self._fits(value.shape):
            failures.say(
                Code.WRONG_SHAPE, place, None, self.expected, f"shape {tuple(value.shape)}"[:80]
            )
            return value
        if value.dtype == self.dtype or (
            value.dtype.kind == self.dtype.kind and self.dtype.kind in "US"
        ):
            return value
        if self.strict:
            failures.say(Code.NEEDS_CONVERSION, place, None, self.expected, f"dtype {value.dtype}")
            return value
        plain = _typed(value) if value.dtype == _OBJECT else value
        if plain is None or not casting.castable(plain.dtype, self.dtype):
            failures.say(Code.WRONG_TYPE, place, None, self.expected, f"dtype {value.dtype}")
            return value
        return self._cast(plain, place, failures, rounds=rounds)

    def _cast(self, value: Any, place: FieldPath, failures: Failures, *, rounds: bool) -> Any:
        if rounds and value.dtype.kind == self.dtype.kind == "f":
            with np.errstate(over="ignore"):
                converted = value.astype(self.dtype)
            lost = np.isinf(converted) & ~np.isinf(value)
        else:
            converted, changed = casting.cast(value, self.dtype)
            if changed is None:
                return converted
            lost = changed
        where = np.argwhere(lost)
        for index in where[:20].tolist():
            failures.add(
                Code.LOSSY,
                (*place, *index[1:]) if place else (),
                index[0],
                self.expected,
                value[tuple(index)],
            )
        failures.total += max(len(where) - 20, 0)
        return converted

    def _ragged(self, value: Any, place: FieldPath, failures: Failures) -> Any:
        """An array of arrays of different shapes, each of which must fit the shape behind the first axis."""
        if self.shape[0] not in (-1, len(value)):
            failures.say(Code.WRONG_SHAPE, place, None, self.expected, f"{len(value)} rows")
        inner = Tensor(TensorSpec(self.dtype, self.shape[1:]), strict=self.strict)
        before = len(failures)
        rows = [inner.check(row, place, failures) for row in value]
        if len(failures) > before or all(
            after is given for after, given in zip(rows, value, strict=True)
        ):
            return value
        return _objects(rows)

    def _listed(self, value: Any, place: FieldPath, failures: Failures) -> Any:
        """A list: it carries no dtype, so its floats are read in the width of the tensor."""
        if self.strict:
            failures.add(Code.NEEDS_CONVERSION, place, None, self.expected, value)
            return value
        try:
            array = np.array(value)
        except ValueError:  # rows of different lengths
            if self._may_be_ragged:
                return self._ragged(_objects(list(value)), place, failures)
            failures.add(Code.WRONG_SHAPE, place, None, self.expected, value)
            return value
        if not array.size and self._fits(array.shape):
            return array.astype(self.dtype)
        if self.dtype == _OBJECT:
            array = _as_objects(
                value, array.shape
            )  # whatever they are: this dtype says nothing of them
        elif array.dtype.kind in "US" or (array.dtype.kind in "iufc" and array.ndim):
            array = _typed(
                _as_objects(value, array.shape)
            )  # NumPy turns 1 into "1", and True into 1
        if array is None:
            failures.say(
                Code.WRONG_TYPE, place, None, self.expected, "a list of values of different types"
            )
            return value
        return self._array(array, place, failures, rounds=True)

    def _sparse(self, value: Any, place: FieldPath, failures: Failures) -> Any:
        if self._anything:
            return value
        if not self._fits(value.shape):
            failures.say(
                Code.WRONG_SHAPE, place, None, self.expected, f"shape {tuple(value.shape)}"
            )
            return value
        matrices = sys.modules["scipy.sparse"]
        known = isinstance(value, (matrices.csr_matrix, matrices.csc_matrix))
        if known and value.dtype == self.dtype:
            return value
        if self.strict or not casting.castable(value.dtype, self.dtype):
            code = Code.NEEDS_CONVERSION if self.strict else Code.WRONG_TYPE
            failures.say(
                code, place, None, self.expected, f"{type(value).__name__} of dtype {value.dtype}"
            )
            return value
        matrix = value if known else matrices.csr_matrix(value)
        data, lost = casting.cast(matrix.data, self.dtype)
        if lost is not None:
            got = f"dtype {value.dtype}, {int(lost.sum())} values of which would change"
            failures.say(Code.LOSSY, place, None, self.expected, got)
        return type(matrix)((data, matrix.indices, matrix.indptr), shape=matrix.shape)

    def column(self, series: Any, place: FieldPath, failures: Failures) -> Any:
        """A column of a frame, its cells scalars, lists or arrays, each a row of the tensor."""
        if self._anything:
            return series.to_numpy(dtype=object)
        cells = _plain(series)
        if cells.dtype != _OBJECT or not len(cells) or not isinstance(cells[0], (list, np.ndarray)):
            shaped = cells.reshape(-1, 1) if self.shape == (-1, 1) else cells
            return self._array(shaped, place, failures, rounds=True)
        try:
            array = np.array(cells.tolist())
            if array.dtype.kind in "US" or array.dtype.kind in "iu":
                array = _typed(_as_objects(cells.tolist(), array.shape))
        except ValueError:
            array = None
        if array is None:
            failures.say(
                Code.WRONG_SHAPE, place, None, self.expected, "cells of different lengths or types"
            )
            return series
        if not self._fits(array.shape) and array.size == abs(int(np.prod(self.shape))) * len(cells):
            with contextlib.suppress(ValueError):  # of two free axes neither is known
                array = array.reshape(
                    len(cells), *self.shape[1:]
                )  # cells may be flat: their shape is in the signature
        return self._array(array, place, failures, rounds=isinstance(cells[0], list))

    def frame(self, data: Any, failures: Failures) -> Any:
        """A frame as one tensor `(n_rows, n_columns)`, or a frame of one column as the tensor of its cells."""
        if data.empty:
            failures.say(Code.WRONG_SHAPE, (), None, self.expected, "an empty frame")
            return data
        if data.shape[1] == 1:
            return self.column(data.iloc[:, 0], (), failures)
        if len(set(data.dtypes)) == 1 and isinstance(data.dtypes.iloc[0], np.dtype):
            return self._array(data.to_numpy(), (), failures, rounds=True)
        before = len(failures)
        one = Tensor(TensorSpec(self.dtype, (-1,)), strict=self.strict)
        parts = [
            one.column(data.iloc[:, at], (label,), failures)
            for at, label in enumerate(data.columns)
        ]
        return data if len(failures) > before else self._array(np.column_stack(parts), (), failures)


def is_sparse(value: Any) -> bool:
    """Whether a value is a matrix or an array of scipy.sparse, which is not imported for that."""
    matrices = sys.modules.get("scipy.sparse")
    return matrices is not None and bool(matrices.issparse(value))


def _plain(series: Any) -> Any:
    dtype = series.dtype
    if isinstance(dtype, pd.CategoricalDtype) and not series.hasnans:
        return _plain(series.astype(dtype.categories.dtype))
    if hasattr(dtype, "numpy_dtype") and not series.hasnans:
        return series.to_numpy(dtype=dtype.numpy_dtype)
    return series.to_numpy()


def _typed(value: Any) -> Any:
    """An array of objects in the one dtype that they all have; None where they have several."""
    flat = value.ravel().tolist()
    kinds = {_family(kind) for kind in set(map(type, flat))}
    if len(kinds) > 1 and kinds != {int, float}:
        return None
    if kinds == {int, float} and any(isinstance(item, int) and abs(item) > 2**53 for item in flat):
        return None  # as doubles, some of the integers would be others
    try:
        typed = np.array(flat)
    except ValueError:  # sequences of different lengths
        return None
    return None if typed.dtype == _OBJECT or typed.ndim != 1 else typed.reshape(value.shape)


def _family(kind: type) -> type:
    for family in (bool, int, float, str, bytes):
        if issubclass(kind, family):
            return family
    return (
        {"b": bool, "i": int, "u": int, "f": float}.get(np.dtype(kind).kind, kind)
        if issubclass(kind, np.generic)
        else kind
    )


def _as_objects(value: Any, shape: tuple[int, ...]) -> Any:
    for _ in shape[1:]:
        value = list(chain.from_iterable(value))
    return _objects(list(value)).reshape(shape)


def _objects(values: list[Any]) -> Any:
    array = np.empty(len(values), dtype=object)
    for row, value in enumerate(values):
        array[row] = value
    return array
