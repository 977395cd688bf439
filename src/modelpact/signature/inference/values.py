"""Infers the type of Python values, nested or not, one level of nesting at a time.

The types are those of MLflow, which visits one value at a time instead.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from enum import Enum
from functools import lru_cache
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pandas as pd  # type: ignore[import-untyped, unused-ignore]
import pydantic
from mlflow.exceptions import MlflowException
from mlflow.types.schema import AnyType, Array, DataType, Object, Property

from modelpact._internal import mlflow_compat
from modelpact.signature.field_path import FieldPath
from modelpact.signature.issues import DataIssues
from modelpact.signature.language.type_names import ColumnType

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["common_type", "group_by_key", "is_nan"]

K = TypeVar("K", bound=Hashable)

_NULLS = frozenset({type(None), type(pd.NA), type(pd.NaT)})
_LONG = (-(2**63), 2**63 - 1)
_EMPTY = AnyType()
# Types without nulls or a range, so that the types of the values are enough.
_SIMPLE = {str: DataType.string, bool: DataType.boolean, bytes: DataType.binary}
_FAMILIES = ((dict, "dict"), (list, "list"), (np.ndarray, "ndarray"), (pydantic.BaseModel, "model"))
_REMEDIES = {
    "Decimal": "convert it to float",
    "tuple": "provide a list, or a dict instead of an Arrow map",
    "set": "provide a list",
    "complex": "provide the real and the imaginary part as two columns",
    "timedelta": "provide seconds, as a float",
    "Timedelta": "provide seconds, as a float",
    **dict.fromkeys(("UUID", "PosixPath", "WindowsPath", "Interval"), "provide a string"),
    "Period": "provide a datetime: to_timestamp()",
    **dict.fromkeys(("range", "deque", "array", "dict_values"), "provide a list"),
    "Timestamp": "provide one time zone: pd.to_datetime(column, utc=True), or Python datetimes",
}
_GENERAL_REMEDY = "provide bool, int, float, str, bytes, datetime, or lists and dicts of them"
_USE_ONE_TYPE = "use one type, or write the signature"

_InferredType = tuple[ColumnType, bool]
"""A type, and whether a value is null or empty (a list or dict), which MLflow infers as Any."""


class _NoCommonTypeError(Exception):
    """Values without a common type; the issue has been added."""


class _EmptyArrayError(Exception):
    """An array without items; MLflow's merging of the types must decide."""


def common_type(values: Sequence[object], path: FieldPath, issues: DataIssues) -> ColumnType:
    """Return the common type of values, as MLflow infers it for the items of a list.

    Args:
        values: At least one value.
        path: The position of the values in the data.
        issues: Collects the values without a type.

    Returns:
        A `DataType`, `Array`, `Object` or `AnyType`.

    Example:
        >>> common_type([{"a": 1}, {"a": 2, "b": "x"}], ("author",), DataIssues())
        {a: long (required), b: string (optional)}
    """
    try:
        return _infer_common(values, path, issues)[0]
    except _EmptyArrayError:
        dtype: ColumnType = _infer_with_mlflow(values, path, issues)
        return dtype
    except _NoCommonTypeError:
        return AnyType()


def _infer_common(values: Sequence[object], path: FieldPath, issues: DataIssues) -> _InferredType:
    kinds = set(map(type, values))
    simple = _infer_simple(values, kinds)
    if simple is not None:
        return simple
    non_null = _drop_nulls(values, kinds)
    has_nulls = len(non_null) < len(values)
    if not non_null:
        return _EMPTY, has_nulls
    if has_nulls:
        kinds = set(map(type, non_null))
    return _infer_non_null(non_null, kinds, has_nulls, path, issues)


def _drop_nulls(values: Sequence[object], kinds: set[type]) -> Sequence[object]:
    if not kinds.isdisjoint(_NULLS):
        values = [value for value in values if type(value) not in _NULLS]
    if any(issubclass(kind, float) for kind in kinds):
        values = [value for value in values if not is_nan(value)]
    return values


def is_nan(value: object) -> bool:
    """Return whether a value is a float that is not a number."""
    return isinstance(value, float) and math.isnan(value)


def _infer_simple(values: Sequence[Any], kinds: set[type]) -> _InferredType | None:
    """Return the type of values whose Python types determine it; None for other values."""
    if kinds == {float}:
        # A NaN among the values makes their sum NaN.
        return None if math.isnan(sum(values)) else (DataType.double, False)
    non_null = kinds - _NULLS
    if len(non_null) != 1:
        return None
    dtype = _SIMPLE.get(next(iter(non_null)))
    return None if dtype is None else (dtype, len(non_null) < len(kinds))


def _infer_non_null(
    values: Sequence[Any], kinds: set[type], has_nulls: bool, path: FieldPath, issues: DataIssues
) -> _InferredType:
    families = {_get_family(kind) for kind in kinds}
    if families == {"dict"}:
        return _infer_objects(values, has_nulls, path, issues)
    if families <= {"list", "ndarray"}:
        return _infer_lists(values, has_nulls, "ndarray" in families, path, issues)
    if families == {"scalar"}:
        return _infer_scalars(values, kinds, path, issues), has_nulls
    if "model" in families:
        remedy = "provide dicts (model_dump), or use type hints"
        issues.add_untyped(path, "cannot infer the type of Pydantic objects", remedy)
        raise _NoCommonTypeError
    return _infer_mixed(values, kinds, path, issues)


def _infer_mixed(
    values: Sequence[object], kinds: set[type], path: FieldPath, issues: DataIssues
) -> _InferredType:
    # MLflow takes an empty list or dict for Any next to other values, then rejects that data.
    if all(isinstance(value, (dict, list)) and not value for value in values):
        return _EMPTY, True
    issues.add_untyped(path, f"mixed types ({_format_kinds(kinds)})", _USE_ONE_TYPE)
    raise _NoCommonTypeError


@lru_cache(maxsize=1024)
def _get_family(kind: type) -> str:
    return next((name for base, name in _FAMILIES if issubclass(kind, base)), "scalar")


def _format_kinds(kinds: Iterable[type]) -> str:
    return " and ".join(sorted({kind.__name__ for kind in kinds})[:5])


def _infer_scalars(
    values: Sequence[Any], kinds: set[type], path: FieldPath, issues: DataIssues
) -> DataType:
    types = _infer_scalar_types(values, kinds, path, issues)
    if len(types) > 1:
        remedy = _USE_ONE_TYPE
        if types == {DataType.long, DataType.double}:
            remedy = "write integers as floats (1.0), or use integers only"
        issues.add_untyped(path, f"mixed types ({_format_kinds(kinds)})", remedy)
        raise _NoCommonTypeError
    if DataType.long in types and int in kinds and not _fit_long(values):
        text = "an integer beyond 64 bits, which MLflow infers as long"
        issues.add_untyped(path, text, "provide it as a string or as a float")
        raise _NoCommonTypeError
    return types.pop()


def _infer_scalar_types(
    values: Sequence[object], kinds: set[type], path: FieldPath, issues: DataIssues
) -> set[DataType]:
    types = {kind: _infer_scalar(kind, values) for kind in kinds}
    unknown = sorted(kind.__name__ for kind, dtype in types.items() if dtype is None)
    if unknown:
        remedy = _REMEDIES.get(unknown[0], _GENERAL_REMEDY)
        if any(hasattr(kind, "_asdict") for kind in kinds):
            remedy = "provide dicts: value._asdict()"
        text = f"values of type {' and '.join(unknown)} have no MLflow type"
        issues.add_untyped(path, text, remedy)
        raise _NoCommonTypeError
    return set(filter(None, types.values()))


def _fit_long(values: Sequence[int]) -> bool:
    return _LONG[0] <= min(values) and max(values) <= _LONG[1]


# MLflow infers string for a bare object().
_SCALAR_TYPES: dict[type, DataType | None] = {object: None}


def _infer_scalar(kind: type, values: Sequence[object]) -> DataType | None:
    """Return MLflow's type of the values of one Python type, or None."""
    if kind not in _SCALAR_TYPES:
        sample = next(value for value in values if type(value) is kind)
        if isinstance(sample, Enum) and isinstance(sample, (str, int, float)):
            sample = sample.value
        try:
            _SCALAR_TYPES[kind] = mlflow_compat.infer_scalar_type(sample)
        except MlflowException:
            _SCALAR_TYPES[kind] = None
    return _SCALAR_TYPES[kind]


def _infer_lists(
    values: Sequence[Any], has_nulls: bool, has_arrays: bool, path: FieldPath, issues: DataIssues
) -> _InferredType:
    """Infer the type of the items of all lists together; MLflow merges list after list."""
    if has_arrays:
        values = [
            _get_representative(value) if isinstance(value, np.ndarray) else value
            for value in values
        ]
    items = list(chain.from_iterable(values))
    if not items:
        return _EMPTY, True
    return Array(_infer_common(items, (*path, 0), issues)[0]), has_nulls or not all(values)


def _infer_with_mlflow(values: Sequence[object], path: FieldPath, issues: DataIssues) -> Any:
    try:
        return mlflow_compat.infer_values_type(list(values))
    except (MlflowException, TypeError):
        text = "cannot infer a common type of arrays, some of which are empty"
        issues.add_untyped(path, text, "provide arrays with items, and scalars as value.item()")
        return AnyType()


def _get_representative(value: NDArray[Any]) -> list[object]:
    """Return a list as deep as an array, with one item for all: the items share the dtype."""
    if not value.ndim or not value.size:
        raise _EmptyArrayError
    if value.dtype == object:
        return list(value)
    flat = value.ravel()
    item: Any = flat[0]
    if value.dtype.kind == "f" and np.isnan(item):
        # The first number, if there is one.
        item = flat[np.isnan(flat).argmin()]
    for _ in range(value.ndim):
        item = [item]
    return list(item)


def _infer_objects(
    values: Sequence[dict[Any, object]], has_nulls: bool, path: FieldPath, issues: DataIssues
) -> _InferredType:
    real = list(filter(None, values))
    has_nulls = has_nulls or len(real) < len(values)
    if not real:
        return _EMPTY, True
    properties = _infer_properties(real, has_nulls, path, issues)
    return Object(properties), has_nulls


def _infer_properties(
    rows: Sequence[dict[Any, object]], has_nulls: bool, path: FieldPath, issues: DataIssues
) -> list[Property]:
    properties = []
    for name, items in group_by_key(rows).items():
        if not isinstance(name, str):
            text = f"a key of type {type(name).__name__} ({str(name)[:40]!r})"
            issues.add_untyped(path, text, "use strings as names of properties")
            raise _NoCommonTypeError
        required = not has_nulls and len(items) == len(rows)
        properties.append(_infer_property(name, items, required, path, issues))
    return properties


def _infer_property(
    name: str, values: list[object], required: bool, path: FieldPath, issues: DataIssues
) -> Property:
    try:
        dtype, is_empty = _infer_common(values, (*path, name), issues)
    except _NoCommonTypeError:
        return Property(name, AnyType(), required=False)
    return Property(name, dtype, required=required and not is_empty)


def group_by_key(rows: Sequence[dict[K, object]]) -> dict[K, list[object]]:
    """Return the values of each key of dicts, in linear time however much the keys differ.

    Example:
        >>> dict(group_by_key([{"a": 1}, {"a": 2, "b": 3}]))
        {'a': [1, 2], 'b': [3]}
    """
    names = list(rows[0])
    if set(map(len, rows)) == {len(names)}:
        try:
            return {name: list(map(itemgetter(name), rows)) for name in names}
        except KeyError:
            # As many keys, but different ones.
            pass
    grouped: dict[K, list[object]] = defaultdict(list)
    for row in rows:
        for name, value in row.items():
            grouped[name].append(value)
    return grouped
