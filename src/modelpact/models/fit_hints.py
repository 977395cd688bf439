"""What in the data explains that a scikit-learn estimator could not be fitted."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from modelpact._internal.text import truncate
from modelpact._internal.type_checks import is_list_of

__all__ = ["FitHint", "find_hint"]

_TEXT = re.compile(r"could not convert string to float: (?:np\.str_\()?('.*'|\".*\")", re.DOTALL)
_LEAVE_OUT = "or leave the columns out (data.columns=[...])."


class FitHint(NamedTuple):
    """A hint: what is in the data, what to do, and the columns."""

    text: str
    remedy: str
    columns: list[str]


class _Cause(NamedTuple):
    """Cells that estimators reject: the message, what to call them, and what to do."""

    message: str
    text: str
    is_affected: Callable[[Any], Any]
    remedy: str


def find_hint(error: Exception, estimator: Any, inputs: Any, targets: Any) -> FitHint | None:
    """Return what the data contains of that an error complains about, or None.

    Args:
        error: The error of the estimator.
        estimator: The estimator, which may be a Pipeline that converts columns.
        inputs: The data that it was fitted to.
        targets: The targets.
    """
    message = str(error)
    if is_list_of(inputs, dict) and inputs and "dict" in message:
        return FitHint("dicts as inputs", "Set data.form=frame for a table.", [])
    if found := _TEXT.search(message):
        return _find_text(ast.literal_eval(found[1]), estimator, inputs, targets)
    shape: tuple[int, ...] = getattr(inputs, "shape", ())
    # A vectorizer iterates over a DataFrame, and finds the names of the columns.
    if len(shape) == 2 and f"numbers of samples: [{shape[1]}, {shape[0]}]" in message:
        remedy = "Name its column: make_column_transformer((CountVectorizer(), 'text'))."
        return _find_cells("text in", lambda column: _has_kind(column, "OU"), inputs, remedy)
    for cause in _CAUSES:
        if re.search(cause.message, message):
            return _find_cells(cause.text, cause.is_affected, inputs, cause.remedy)
    return None


def _find_text(text: str, estimator: Any, inputs: Any, targets: Any) -> FitHint | None:
    if targets is not None and np.asarray(targets).dtype.kind in "OUT" and text in list(targets):
        return FitHint("text as targets", "Choose a classifier, or another data.target.", [])
    converts = any(hasattr(part, "transform") for part in estimator.get_params().values())

    def is_affected(column: Any) -> Any:
        # Without a Pipeline, no column of text can be fitted: name all of them.
        if not converts and not _has_kind(column, "biufmM").all():
            return column.notna()
        return column.astype(object) == text

    remedy = f"Choose model=table, encode it (OneHotEncoder in a Pipeline), {_LEAVE_OUT}"
    return _find_cells("text in", is_affected, inputs, remedy)


def _find_cells(
    text: str, is_affected: Callable[[Any], Any], inputs: Any, remedy: str
) -> FitHint | None:
    """Return the hint with the columns of a DataFrame that have affected cells, or None."""
    if not hasattr(inputs, "columns"):
        return None
    counts = {
        str(name): int(np.count_nonzero(is_affected(column))) for name, column in inputs.items()
    }
    columns = [name for name, count in counts.items() if count]
    if not columns:
        return None
    listed = ", ".join(f"{name} ({counts[name]:,} of {len(inputs):,} rows)" for name in columns)
    return FitHint(f"{text} {truncate(listed, 300)}", remedy, columns)


def _is_infinite(column: Any) -> Any:
    if not _has_kind(column, "f").all():
        return np.zeros(len(column))
    return np.isinf(column.to_numpy(float, na_value=0.0))


def _has_kind(column: Any, kinds: str) -> Any:
    return np.full(len(column), getattr(column.dtype, "kind", "O") in kinds)


_CAUSES = (
    _Cause(
        r"\bNaN\b|\bNAType\b|\bpandas\.NA\b",
        "missing values in",
        lambda column: column.isna(),
        f"Choose model=table, fill them in (SimpleImputer in a Pipeline), {_LEAVE_OUT}",
    ),
    _Cause("infinity", "infinite values in", _is_infinite, f"Correct them, {_LEAVE_OUT}"),
    _Cause(
        "DType|Timestamp",
        "dates in",
        lambda column: _has_kind(column, "mM"),
        f"Convert them to numbers in a Pipeline, {_LEAVE_OUT}",
    ),
)
