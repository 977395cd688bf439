"""Data types: what a value that a model takes or returns is, how many rows it has, and its digest."""

from __future__ import annotations

from modelpact.datatypes import rows
from modelpact.datatypes.digest import digest

__all__ = ["digest", "rows"]
