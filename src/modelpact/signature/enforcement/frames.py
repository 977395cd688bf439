"""A schema of columns: frames, rows and cells are checked column by column."""

from __future__ import annotations

import warnings
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped, unused-ignore]
from mlflow.types.schema import Schema

from modelpact.signature.enforcement.columns import column
from modelpact.signature.enforcement.violations import Code, Failures, near_miss

__all__ = ["Columns"]

_UNSET = object()

_FEW = 64


class Columns:
    """The compiled columns of a schema.

    Args:
        schema: MLflow's schema, of columns.
        strict: Whether data that needs a conversion is refused.
        extra: What happens to columns that the schema does not know: `ignore`, `warn` or `forbid`.
    """

    def __init__(self, schema: Schema, *, strict: bool, extra: str) -> None:
        specs: Any = schema.inputs
        self.named = specs[0].name is not None
        self.labels = [spec.name if self.named else position for position, spec in enumerate(specs)]
        self.columns = [
            column(spec, label, strict=strict)
            for spec, label in zip(specs, self.labels, strict=True)
        ]
        self.types = [spec.type for spec in specs]
        self.required = [spec.required for spec in specs]
        self.extra = extra
        self._natives = [_UNSET if item.native is None else item.native for item in self.columns]
        self._known = set(self.labels)
        self._index: Any = None

    def frame(self, data: Any, failures: Failures) -> Any:
        """A frame `(n_rows, n_columns)`: the same object where it conforms, else one with the schema's columns in its order."""
        labels = data.columns.tolist()
        dtypes = data.dtypes.tolist()
        if labels == self.labels:
            if dtypes == self._natives:
                return data
            positions: list[int | None] = list(range(len(labels)))
        else:
            positions = self._positions(labels, failures)
        changed: dict[int, Any] = {}
        for index, position in enumerate(positions):
            if position is None or dtypes[position] == self._natives[index]:
                continue
            before = _column_at(data, position, labels[position])
            after = self.columns[index].series(before, failures)
            if after is not before:
                changed[index] = after
        return data if failures else self._assembled(data, labels, positions, changed)

    def _assembled(
        self, data: Any, labels: list[Any], positions: list[int | None], changed: dict[int, Any]
    ) -> Any:
        found = [position for position in positions if position is not None]
        if not changed:
            return data if found == list(range(len(labels))) else data.iloc[:, found]
        parts = {
            labels[position]: changed[index]
            if index in changed
            else _column_at(data, position, labels[position])
            for index, position in enumerate(positions)
            if position is not None
        }
        return pd.DataFrame(parts, index=data.index, copy=False)

    def _positions(self, labels: list[Any], failures: Failures) -> list[int | None]:
        if not self.named:
            return self._by_position(labels, failures)
        where = dict(zip(reversed(labels), range(len(labels) - 1, -1, -1), strict=True))
        if len(where) < len(labels):
            for label in self.labels:
                if (times := labels.count(label)) > 1:
                    failures.say(
                        Code.DUPLICATE_COLUMN, (label,), None, "one column", f"{times} of that name"
                    )
        self._compare(where.keys(), failures)
        return [where.get(label) for label in self.labels]

    def _by_position(self, labels: list[Any], failures: Failures) -> list[int | None]:
        wanted, given = len(self.labels), len(labels)
        if given < wanted:
            failures.say(Code.MISSING_COLUMN, (), None, f"{wanted} columns", f"{given}")
        elif given > wanted:
            self._extra(f"{wanted} columns", f"{given}", (), failures)
        return [position if position < given else None for position in range(wanted)]

    def _compare(self, found: Any, failures: Failures) -> None:
        if found == self._known:
            return
        unknown = [label for label in found if label not in self._known]
        for label, item, required in zip(self.labels, self.columns, self.required, strict=True):
            if required and label not in found:
                hint = near_miss(label, unknown, "; there is {}")
                failures.say(
                    Code.MISSING_COLUMN, (label,), None, item.expected, f"no such column{hint}"
                )
        if unknown and self.extra != "ignore":
            absent = [label for label in self.labels if label not in found]
            for label in unknown:
                self._extra("no such column", f"one{near_miss(label, absent)}", (label,), failures)

    def _extra(self, expected: str, got: str, place: tuple[Any, ...], failures: Failures) -> None:
        if self.extra == "forbid":
            failures.say(Code.EXTRA_COLUMN, place, None, expected, got)
        elif self.extra == "warn":
            what = f"column {str(place[0])[:40]!r}" if place else "columns"
            text = (
                f"{what}: expected {expected}, got {got}; what is not in the signature is ignored"
            )
            warnings.warn(text, UserWarning, stacklevel=2)

    def rows(self, rows: list[dict[Any, Any]], failures: Failures) -> Any:
        """Rows given as dicts, for named columns: a frame of the schema's columns that occur in at least one row."""
        found = set(chain.from_iterable(rows))
        self._compare(found, failures)
        parts = {}
        for label, item in zip(self.labels, self.columns, strict=True):
            if label in found:
                parts[label] = item.values([row.get(label) for row in rows], failures)
        return rows if failures else self._framed(parts, len(rows))

    def _framed(self, parts: dict[Any, Any], n_rows: int) -> Any:
        """A frame of columns; few rows of one dtype are one block, which pandas makes in a tenth of the time."""
        values = list(parts.values())
        one_dtype = n_rows <= _FEW and bool(values) and self._natives[0] is not _UNSET
        if (
            one_dtype
            and len(values) == len(self.labels)
            and all(getattr(each, "dtype", None) is self._natives[0] for each in values)
        ):
            if self._index is None:
                self._index = pd.Index(self.labels)
            return pd.DataFrame(np.stack(values, axis=1), columns=self._index, copy=False)
        return pd.DataFrame(parts, index=range(n_rows), copy=False)

    def cells(self, cells: list[Any], failures: Failures) -> Any:
        """The cells of the one column of an unnamed schema."""
        values = self.columns[0].values(cells, failures)
        return cells if failures else pd.DataFrame({0: values}, index=range(len(cells)), copy=False)


def _column_at(data: Any, position: int, label: Any) -> Any:
    """A column of a frame, by its label where that is sure to find it: it takes half the time of finding it by position."""
    if type(label) is str and data.columns.is_unique:
        return data[label]
    return data.iloc[:, position]
