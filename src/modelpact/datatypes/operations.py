"""What can be done with a value of any kind that a model takes or returns."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Sequence
from typing import Any

from modelpact.datatypes.base import Tolerance, UnlikeError, find_kind
from modelpact.datatypes.containers import compare_values, update_digest
from modelpact.errors import DataError

__all__ = [
    "count_rows",
    "diff_forms",
    "diff_values",
    "digest_values",
    "join_rows",
    "take_rows",
    "to_columns",
    "to_json",
    "to_python",
]


def count_rows(value: object) -> int:
    """Return the number of rows.

    Rows are the first axis of a table, of an array, of each array in a dict of arrays, and the
    items of a list. Any other value is one row.

    Example:
        >>> count_rows([{"a": 1}, {"a": 2}])
        2
    """
    return find_kind(value).count_rows(value)


def take_rows(value: Any, positions: Sequence[int]) -> Any:
    """Return the rows at `positions`, in that order, as a value of the same type.

    Raises:
        IndexError: There are fewer rows.

    Example:
        >>> take_rows(["a", "b", "c"], [2, 0])
        ['c', 'a']
    """
    return find_kind(value).take_rows(value, positions)


def join_rows(first: Any, second: Any) -> Any:
    """Return the rows of one value, then those of another one of the same type.

    Example:
        >>> join_rows(["a", "b"], ["c"])
        ['a', 'b', 'c']
    """
    return find_kind(first).join_rows(first, second)


def digest_values(*values: object) -> str:
    """Return the SHA-256 of some values, in hex: equal values have equal digests in every process.

    Raises:
        DataError: A value cannot be read again, such as a generator or an open file.

    Example:
        >>> digest_values({"a": 1, "b": 2}) == digest_values({"b": 2, "a": 1})
        True
    """
    sha = hashlib.sha256()
    for value in values:
        try:
            update_digest(sha, value)
        except (pickle.PicklingError, TypeError, AttributeError) as error:
            raise DataError(
                f"the data contains values that cannot be compared or copied: {error}",
                remedy="Give DataFrames, arrays, or lists and dicts of plain values.",
            ) from error
    return sha.hexdigest()


def diff_values(after: object, before: object, *, rtol: float, atol: float) -> str:
    """Describe how two values differ, in a sentence; empty if they are equal.

    Values are compared one by one at every depth. NaN and other nulls are equal to each other, and
    floats are equal within the tolerances.

    Example:
        >>> diff_values([1.0, [2.0]], [1.0, [3.0]], rtol=1e-6, atol=1e-9)
        '1 of 2 values differ'
        >>> diff_values([{"a": [1]}], [{"a": [1, 2]}], rtol=0, atol=0)
        'the length was 2 and is 1, at [0].a'
    """
    if type(after) is not type(before):
        return diff_forms(after, before)
    try:
        n_different, n_values = compare_values(after, before, Tolerance(rtol, atol))
    except UnlikeError as error:
        return f"{error.text}, at {error.path}" if error.path else error.text
    return f"{n_different} of {n_values} values differ" if n_different else ""


def diff_forms(after: Any, before: Any) -> str:
    """Describe how two values differ in type, columns or number of rows; empty if equal."""
    if type(after) is not type(before):
        return f"the type was {type(before).__name__} and is {type(after).__name__}"
    if hasattr(after, "columns") and list(after.columns) != list(before.columns):
        return f"the columns were {list(before.columns)} and are {list(after.columns)}"
    n_after, n_before = count_rows(after), count_rows(before)
    return "" if n_after == n_before else f"there were {n_before} rows and are {n_after}"


def to_json(value: object) -> Any:
    """Return a value as JSON values.

    A table becomes a list of rows, an array nested lists, a datetime ISO 8601 text, bytes base64;
    NaN, Infinity and other nulls become null.

    Example:
        >>> to_json({"a": [1.5, float("nan")]})
        {'a': [1.5, None]}
    """
    return find_kind(value).to_json(value)


def to_python(value: object) -> Any:
    """Return a value as lists, dicts and single values of Python, without arrays or objects.

    Example:
        >>> import numpy as np
        >>> to_python([np.array([1.5, 2.0])])
        [[1.5, 2.0]]
    """
    return find_kind(value).to_python(value)


def to_columns(value: object, names: Sequence[str] | None = None) -> dict[str, Any]:
    """Return the columns of a value by name, each with one item per row.

    Args:
        value: A table, an array, a dict of arrays, or a list.
        names: The names in the signature; None if it does not determine them.

    Example:
        >>> to_columns([{"a": 1}, {"a": 2}])
        {'a': [1, 2]}
        >>> to_columns([0.5, 1.5])
        {'prediction': [0.5, 1.5]}
    """
    return find_kind(value).to_columns(value, names)
