"""Data types: every kind of value that a model takes or returns, and what is done with it.

Each kind is a class that counts, takes and joins rows, digests, compares, and converts to JSON,
Python values and columns. The rest of modelpact calls the functions here and does not ask what a
value is.
"""

from __future__ import annotations

from modelpact.datatypes import arrays, containers, single_values, tables  # noqa: F401
from modelpact.datatypes.base import PREDICTION
from modelpact.datatypes.operations import (
    count_rows,
    diff_forms,
    diff_values,
    digest_values,
    join_rows,
    take_rows,
    to_columns,
    to_json,
    to_python,
)

__all__ = [
    "PREDICTION",
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
