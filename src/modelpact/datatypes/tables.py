"""Tables: DataFrames of pandas and polars, and tables of Arrow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from modelpact.datatypes.arrays import SeriesKind
from modelpact.datatypes.base import Counts, Kind, Tolerance, UnlikeError, register
from modelpact.datatypes.containers import ListKind, compare_items, update_digest

if TYPE_CHECKING:
    from hashlib import _Hash

    import pandas as pd

__all__ = ["FrameKind", "OtherTableKind"]


@register
class FrameKind(Kind[Any]):
    """A DataFrame of pandas."""

    types = frozenset({("pandas", "DataFrame")})

    def count_rows(self, value: pd.DataFrame) -> int:
        return len(value)

    def take_rows(self, value: pd.DataFrame, positions: Sequence[int]) -> pd.DataFrame:
        return value.iloc[list(positions)].reset_index(drop=True)

    def join_rows(self, first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
        import pandas as pd

        return pd.concat([first, second], ignore_index=True)

    def update_digest(self, sha: _Hash, value: pd.DataFrame) -> None:
        sha.update(repr(list(value.columns)).encode())
        for column in _columns(value):
            update_digest(sha, column)

    def compare(self, after: pd.DataFrame, before: pd.DataFrame, tolerance: Tolerance) -> Counts:
        old, new = list(before.columns), list(after.columns)
        if old != new:
            raise UnlikeError(f"the columns were {old} and are {new}")
        paths = [f".{name}" for name in old]
        return compare_items(_columns(after), _columns(before), paths, tolerance)

    def to_columns(
        self, value: pd.DataFrame, names: Sequence[str] | None
    ) -> dict[str, pd.Series[Any]]:
        return dict(zip(map(str, value.columns), _columns(value), strict=True))

    def to_python(self, value: pd.DataFrame) -> list[dict[str, Any]]:
        columns = [SeriesKind().to_python(column) for column in _columns(value)]
        return [dict(zip(value.columns, row, strict=True)) for row in zip(*columns, strict=True)]

    def to_json(self, value: pd.DataFrame) -> list[dict[str, Any]]:
        names = [str(name) for name in value.columns]
        columns = [SeriesKind().to_json(column) for column in _columns(value)]
        return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


@register
class OtherTableKind(FrameKind):
    """A DataFrame or a Series of polars, or a table of Arrow."""

    types = frozenset(
        {
            ("polars", "DataFrame"),
            ("polars", "Series"),
            ("pyarrow", "Table"),
            ("pyarrow", "ChunkedArray"),
            ("pyarrow", "Array"),
        }
    )

    def join_rows(self, first: Any, second: Any) -> Any:
        # Models do not take these tables: signers name the conversion.
        return first

    def take_rows(self, value: Any, positions: Sequence[int]) -> Any:
        return value.take(list(positions)) if hasattr(value, "take") else value[list(positions)]

    def update_digest(self, sha: _Hash, value: Any) -> None:
        update_digest(sha, value.to_pandas())

    def compare(self, after: Any, before: Any, tolerance: Tolerance) -> Counts:
        return compare_items([after.to_pandas()], [before.to_pandas()], [""], tolerance)

    def to_columns(self, value: Any, names: Sequence[str] | None) -> dict[str, Any]:
        if not hasattr(value, "columns"):
            return Kind.to_columns(self, value, names)
        return super().to_columns(value.to_pandas(), names)

    def to_python(self, value: Any) -> list[Any]:
        method = next(name for name in _TO_LIST if hasattr(value, name))
        cells: list[Any] = getattr(value, method)()
        return cells

    def to_json(self, value: Any) -> Any:
        return ListKind().to_json(self.to_python(value))


_TO_LIST = ("to_dicts", "to_list", "to_pylist")
"""The methods that return rows or items as a list, for each type of `OtherTableKind`."""


def _columns(frame: pd.DataFrame) -> list[pd.Series[Any]]:
    """Return the columns by position, because names may occur twice."""
    return [frame.iloc[:, index] for index in range(frame.shape[1])]
