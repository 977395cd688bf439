"""Data types: the values that models take and return, their rows and their digests."""

from __future__ import annotations

from modelpact.datatypes.rows import count_rows, take_rows
from modelpact.datatypes.value_digest import digest_values

__all__ = ["count_rows", "digest_values", "take_rows"]
