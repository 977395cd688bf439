"""Checks data against a signature some rows at a time, and counts the violations per column."""

from __future__ import annotations

import math
import re
import warnings
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from modelpact._internal.counts import format_count
from modelpact.datatypes import count_rows, take_rows

if TYPE_CHECKING:
    import pandas as pd

    from modelpact.signature import Enforcer, Violation
    from modelpact.types import Inputs, Params

__all__ = ["RowChecks"]

CHUNK_ROWS = 10_000
"""Rows of a table that are checked at once; their violations are held in memory."""

MAX_COLLECTED = 10_000
"""How many violations are collected; the rest are counted."""

_NUMBERS = ("integer", "long", "float", "double")


class RowChecks:
    """The violations of all rows.

    Args:
        enforcer: Checks rows against the signature.

    Attributes:
        collected: The first violations, by row; those of whole columns come first.
        n_violations: The number of all violations.
        n_rows: The number of rows.
        warnings: The texts of the warnings.
    """

    def __init__(self, enforcer: Enforcer) -> None:
        self._enforcer = enforcer
        # By path and code; the number is None for a violation of the whole column.
        self._rows: Counter[tuple[str, str]] = Counter()
        self._whole: dict[tuple[str, str, str], Violation] = {}
        self.collected: list[Violation] = []
        self.n_violations = 0
        self.n_rows = 0
        self.warnings: dict[str, None] = {}

    def check(self, inputs: Inputs, params: Params | None) -> None:
        """Check all rows of the inputs, and the params."""
        n_rows = count_rows(inputs)
        # Whether a key of records is missing depends on all of them.
        n_chunk = max(1, n_rows) if isinstance(inputs, list) else CHUNK_ROWS
        first = self._find(_slice(inputs, 0, n_chunk, n_rows), params)
        columns = {one.path for one in first if one.row is None and one.expected in _NUMBERS}
        parsed = _parse_numeric_cells(inputs, columns)
        if parsed is not None:
            inputs = parsed
            first = self._find(_slice(inputs, 0, n_chunk, n_rows), params)
        self._add(first, 0)
        for start in range(n_chunk, n_rows, n_chunk):
            self._add(self._find(_slice(inputs, start, n_chunk, n_rows), None), start)
        self.n_rows += n_rows

    def _find(self, inputs: Inputs, params: Params | None) -> list[Violation]:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", UserWarning)
            found = self._enforcer.find_violations(inputs, params, limit=2**62)
        self.warnings |= dict.fromkeys(str(warning.message) for warning in caught)
        return found.recorded

    def _add(self, found: list[Violation], start: int) -> None:
        """Count the violations of a chunk, and collect the first ones."""
        rows: dict[tuple[str, str, int], None] = {}
        for one in sorted(found, key=lambda one: -1 if one.row is None else one.row):
            column = re.sub(r"\[\d+\]", "[]", one.path) or "(all)"
            if one.row is None:
                key = (column, one.code, one.got)
                if key in self._whole:
                    continue
                self._whole[key] = one
            else:
                rows[column, one.code, one.row] = None
            self._collect(one, start)
        self._rows.update((column, code) for column, code, _ in rows)

    def _collect(self, violation: Violation, start: int) -> None:
        self.n_violations += 1
        if len(self.collected) < MAX_COLLECTED:
            row = None if violation.row is None else violation.row + start
            self.collected.append(replace(violation, row=row))

    def summary(self) -> list[str]:
        """Return a line per column and code, the most frequent one first."""
        lines = [f"{path}: {code}" for path, code, _ in self._whole]
        for (path, code), n_rows in self._rows.most_common():
            lines.append(f"{path}: {code} in {format_count(n_rows, 'row')}")
        return lines


def _slice(inputs: Inputs, start: int, n_chunk: int, n_rows: int) -> Inputs:
    if n_rows <= n_chunk:
        return inputs
    stop = min(start + n_chunk, n_rows)
    if hasattr(inputs, "iloc"):
        # Without a copy.
        return inputs.iloc[start:stop]
    return take_rows(inputs, range(start, stop))


def _parse_numeric_cells(inputs: Inputs, columns: set[str]) -> pd.DataFrame | None:
    """Parse each cell of text columns that contain numbers; None if there are no such columns.

    A single word makes the whole column of a file text. The violation should name the row of that
    word, not the column.
    """
    import pandas as pd

    if not isinstance(inputs, pd.DataFrame) or inputs.columns.has_duplicates:
        return None
    parsed = {}
    for label in columns & set(inputs.columns):
        texts = inputs[label]
        if not pd.api.types.is_string_dtype(texts):
            continue
        numbers = pd.to_numeric(texts, errors="coerce")
        if numbers.notna().any():
            cells = map(_parse_cell, texts.tolist(), numbers.tolist())
            parsed[label] = pd.Series(list(cells), index=inputs.index, dtype=object)
    return inputs.assign(**parsed) if parsed else None


def _parse_cell(text: Any, number: float) -> Any:
    """Return a number, a missing value, or the text if it is not a number."""
    if math.isnan(number):
        return text if isinstance(text, str) else None
    return int(number) if float(number).is_integer() and "." not in text else number
