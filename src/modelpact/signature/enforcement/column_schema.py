"""Compiled checks of a schema of columns, for frames, rows and cells."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped, unused-ignore]
from mlflow.types.schema import Schema

from modelpact._internal.text import did_you_mean
from modelpact.signature.enforcement.columns import Column, Series, Values, compile_column
from modelpact.signature.enforcement.options import report_extra
from modelpact.signature.enforcement.violations import ViolationCode, Violations, misspelled
from modelpact.signature.language.types import column_labels

__all__ = ["CompiledColumns"]

_NO_DTYPE = object()
"""Stands for the native dtype of a column that has none; it equals no dtype."""

_BLOCK_ROWS = 64
"""Rows up to which columns of one dtype are stacked into a single block."""


class CompiledColumns:
    """The checks of a schema of columns.

    Args:
        schema: MLflow's schema.
        strict: Whether data that needs a conversion is rejected.
        extra: What to do with columns that are not in the schema: `ignore`, `warn` or `forbid`.
    """

    def __init__(self, schema: Schema, *, strict: bool, extra: str) -> None:
        specs: Any = schema.inputs
        self.named = specs[0].name is not None
        self.types = [spec.type for spec in specs]
        self._labels = column_labels(schema)
        self._columns = [
            compile_column(spec, label, strict=strict)
            for spec, label in zip(specs, self._labels, strict=True)
        ]
        self._extra = extra
        self._native_dtypes = [
            _NO_DTYPE if column.native_dtype is None else column.native_dtype
            for column in self._columns
        ]
        self._known = set(self._labels)
        self._index: pd.Index | None = None

    def check_frame(self, frame: pd.DataFrame, violations: Violations) -> pd.DataFrame:
        """Check a frame `(n_rows, n_columns)`.

        Returns:
            The same object if it conforms, otherwise a frame of the schema's columns in its order.
        """
        labels = frame.columns.tolist()
        dtypes = frame.dtypes.tolist()
        if labels == self._labels and dtypes == self._native_dtypes:
            return frame
        positions = self._find_positions(labels, violations)
        changed: dict[int, Series] = {}
        for index, position in enumerate(positions):
            if position is None or dtypes[position] == self._native_dtypes[index]:
                continue
            series = _column_at(frame, position, labels[position])
            checked = self._columns[index].check_series(series, violations)
            if checked is not series:
                changed[position] = checked
        return frame if violations else _assemble(frame, labels, positions, changed)

    def check_rows(
        self, rows: list[dict[Hashable, object]], violations: Violations
    ) -> pd.DataFrame | list[dict[Hashable, object]]:
        """Check rows given as dicts.

        Returns:
            A frame of the columns that occur in at least one row; `rows` if there are violations.
        """
        found = set(chain.from_iterable(rows))
        self._compare_names(found, violations)
        checked = {}
        for label, column in zip(self._labels, self._columns, strict=True):
            if label in found:
                checked[label] = column.check_values([row.get(label) for row in rows], violations)
        return rows if violations else self._build_frame(checked, len(rows))

    def check_cells(
        self, cells: list[object], violations: Violations
    ) -> pd.DataFrame | list[object]:
        """Check the cells of the only column of an unnamed schema.

        Returns:
            A frame of one column; `cells` if there are violations.
        """
        values = self._columns[0].check_values(cells, violations)
        if violations:
            return cells
        return pd.DataFrame({0: values}, index=range(len(cells)), copy=False)

    def _find_positions(
        self, labels: Sequence[Hashable], violations: Violations
    ) -> list[int | None]:
        """Return the position of each column of the schema in a frame, or None."""
        if labels == self._labels:
            return list(range(len(labels)))
        if not self.named:
            return self._count_positions(len(labels), violations)
        # Reversed, so that the first of several columns with one name is found.
        positions = dict(zip(reversed(labels), range(len(labels) - 1, -1, -1), strict=True))
        if len(positions) < len(labels):
            self._add_duplicates(labels, violations)
        self._compare_names(positions.keys(), violations)
        return [positions.get(label) for label in self._labels]

    def _count_positions(self, given: int, violations: Violations) -> list[int | None]:
        expected = len(self._labels)
        if given < expected:
            violations.add_message(
                ViolationCode.MISSING_COLUMN, (), f"{expected} columns", str(given)
            )
        elif given > expected:
            report_extra(
                self._extra,
                (),
                f"{expected} columns",
                str(given),
                warning=f"expected {expected} columns, got {given}; the extra columns are ignored",
                violations=violations,
            )
        return [position if position < given else None for position in range(expected)]

    def _add_duplicates(self, labels: Sequence[Hashable], violations: Violations) -> None:
        for label in self._labels:
            count = labels.count(label)
            if count > 1:
                violations.add_message(
                    ViolationCode.DUPLICATE_COLUMN,
                    (label,),
                    "one column",
                    f"{count} columns of that name",
                )

    def _compare_names(self, found: Collection[Hashable], violations: Violations) -> None:
        if found == self._known:
            return
        unknown = [label for label in found if label not in self._known]
        absent = [column for column in self._columns if column.label not in found]
        _report_missing(absent, unknown, violations)
        self._report_unknown(unknown, [column.label for column in absent], violations)

    def _report_unknown(
        self, unknown: list[Hashable], absent: list[Hashable], violations: Violations
    ) -> None:
        if self._extra == "ignore":
            return
        for label in unknown:
            hint = "" if violations.total >= violations.limit else did_you_mean(label, absent)
            report_extra(
                self._extra,
                (label,),
                "a column of the signature",
                f"an unknown column{hint}",
                warning=f"column {str(label)[:40]!r} is not in the signature and is ignored{hint}",
                violations=violations,
            )

    def _build_frame(self, columns: dict[Hashable, Values], n_rows: int) -> pd.DataFrame:
        """Build a frame; few rows of one dtype become a single block, which is ten times faster."""
        values: list[Any] = list(columns.values())
        dtype = self._native_dtypes[0]
        if (
            n_rows <= _BLOCK_ROWS
            and dtype is not _NO_DTYPE
            and len(values) == len(self._labels)
            and all(getattr(each, "dtype", None) is dtype for each in values)
        ):
            if self._index is None:
                self._index = pd.Index(self._labels)
            return pd.DataFrame(np.stack(values, axis=1), columns=self._index, copy=False)
        return pd.DataFrame(columns, index=range(n_rows), copy=False)


def _report_missing(absent: list[Column], unknown: list[Hashable], violations: Violations) -> None:
    for column in absent:
        if column.required:
            hint = "" if violations.total >= violations.limit else misspelled(column.label, unknown)
            got = f"no column{hint}"
            violations.add_message(ViolationCode.MISSING_COLUMN, column.path, column.expected, got)


def _assemble(
    frame: pd.DataFrame,
    labels: Sequence[Hashable],
    positions: list[int | None],
    changed: dict[int, Series],
) -> pd.DataFrame:
    """Return the columns at the positions, some of them replaced by the changed one there."""
    found = [position for position in positions if position is not None]
    if not changed:
        return frame if found == list(range(len(labels))) else frame.iloc[:, found]
    columns = {
        labels[position]: changed[position]
        if position in changed
        else _column_at(frame, position, labels[position])
        for position in found
    }
    return pd.DataFrame(columns, index=frame.index, copy=False)


def _column_at(frame: pd.DataFrame, position: int, label: object) -> Series:
    """Return a column of a frame; by label if possible, which takes half the time."""
    if type(label) is str and frame.columns.is_unique:
        return frame[label]
    return frame.iloc[:, position]
