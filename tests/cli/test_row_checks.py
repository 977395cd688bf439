from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from modelpact.cli.row_checks import CHUNK_ROWS, RowChecks
from modelpact.signature import compile, parse


def checked(inputs: Any, params: Any = None, **columns: str) -> RowChecks:
    checks = RowChecks(compile(parse({"inputs": columns})))
    checks.check(inputs, params)
    return checks


def test_rows_are_counted_per_column_and_code() -> None:
    n_rows = 2 * CHUNK_ROWS + 5
    cells: list[Any] = [1.0] * n_rows
    cells[3::7] = ["x"] * len(cells[3::7])
    frame = pd.DataFrame({"a": cells, "b": [1] * n_rows}, dtype=object)
    frame.loc[CHUNK_ROWS, "b"] = None
    frame.loc[n_rows - 1, "b"] = 1.5
    checks = checked(frame, a="double", b="long")
    assert checks.summary() == [
        f"a: WRONG_TYPE in {len(cells[3::7]):,} rows",
        "b: NULL in 1 row",
        "b: LOSSY in 1 row",
    ]
    assert (checks.n_rows, checks.n_violations) == (n_rows, len(cells[3::7]) + 2)
    whole = compile(parse({"inputs": {"a": "double", "b": "long"}}))
    found = whole.find_violations(frame, limit=n_rows).recorded
    assert checks.collected == sorted(found, key=lambda one: one.row or 0)


def test_a_key_that_only_some_records_have_is_not_a_missing_column() -> None:
    rows = [{"a": 1.0, "b": 1.0}] * CHUNK_ROWS + [{"b": 1.0}] * CHUNK_ROWS
    assert checked(rows, a="double", b="double").summary() == []


def test_a_violation_of_a_whole_column_is_counted_once() -> None:
    checks = checked(pd.DataFrame({"a": np.ones(3 * CHUNK_ROWS)}), a="double", b="double")
    assert checks.summary() == ["b: MISSING_COLUMN"]
    assert checks.n_violations == 1


def test_the_items_of_lists_are_counted_together() -> None:
    checks = checked([{"a": ["x", 1.0, "y"]}, {"a": [2.0, "z"]}], a="[double]")
    assert checks.summary() == ["a[]: WRONG_TYPE in 2 rows"]
    assert checks.n_violations == 3


def test_params_are_checked_once() -> None:
    checks = checked(pd.DataFrame({"a": np.ones(3 * CHUNK_ROWS)}), {"k": 1}, a="double")
    assert checks.summary() == ["k: UNKNOWN_PARAM"]


def test_a_word_far_from_the_first_rows_is_found_in_a_column_of_text() -> None:
    cells = ["1.5"] * (CHUNK_ROWS + 2)
    cells[-1] = "word"
    checks = checked(pd.DataFrame({"a": cells}), a="double")
    assert [(one.row, one.got) for one in checks.collected] == [(CHUNK_ROWS + 1, "str 'word'")]
