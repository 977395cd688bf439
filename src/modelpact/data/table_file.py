"""`TableFile`, the base class of tables in files."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import AfterValidator

from modelpact._internal.text import did_you_mean, truncate
from modelpact._internal.user_files import describe_irregular
from modelpact.data.base import DataSource
from modelpact.data.frames import frame_to_records, values_to_column
from modelpact.data.text_files import SUFFIXES
from modelpact.datatypes import take_rows
from modelpact.errors import DataError
from modelpact.types import Sample

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["TableFile", "check_file"]


def _check_distinct(columns: list[str]) -> list[str]:
    for column in columns:
        if columns.count(column) > 1:
            raise ValueError(f"column {column!r} is repeated")
    return columns


class TableFile(DataSource):
    """A table in a file. Its columns are the inputs; one of them can be the target.

    Attributes:
        path: The file, relative to the working directory.
        target: Target column; None for unsupervised models.
        columns: Input columns, in this order; None for all but the target.
        form: Type of the inputs: a DataFrame (`frame`) or a list of dicts (`records`).
        drop_missing_targets: Whether rows without a target are left out; otherwise they are an
            error.
    """

    excluded_from_key = frozenset({"path"})

    expected_format: ClassVar[str]
    """What the file must contain, for error messages."""

    path: str
    target: str | None = None
    columns: Annotated[list[str], AfterValidator(_check_distinct)] | None = None
    form: Literal["frame", "records"] = "frame"
    drop_missing_targets: bool = False

    @property
    def name(self) -> str:
        path = Path(self.path)
        return Path(path.stem).stem if path.suffix in SUFFIXES else path.stem

    @property
    def location(self) -> str:
        return self.path

    @abstractmethod
    def read_table(self, path: Path) -> pd.DataFrame:
        """Read the input columns, as `select_columns` returns them, and the target.

        Raises:
            ValueError: The content is malformed. The parser errors of pandas and Arrow are
                subclasses, and so is `UnicodeDecodeError`.
        """

    def read_records(self, path: Path) -> list[dict[str, Any]]:
        """Read the rows as dicts; by default, those of `read_table`."""
        return frame_to_records(self.read_table(path))

    def read(self) -> Sample:
        path = Path(self.path)
        table = self._read_rows(path)
        if len(table) == 0:
            raise DataError(
                f"{path} has no rows",
                remedy="Give at least one row of data.",
                path=str(path),
            )
        if isinstance(table, list):
            return self._hold_out_records(table)
        inputs = table[self.select_columns(list(table.columns))]
        return self._hold_out(inputs, None if self.target is None else table[self.target])

    def _hold_out_records(self, rows: list[dict[str, Any]]) -> Sample:
        # Each row has its own keys.
        columns = self.select_columns(list(dict.fromkeys(chain.from_iterable(rows))))
        inputs = [{name: row[name] for name in columns if name in row} for row in rows]
        return self._hold_out(inputs, [row.get(str(self.target)) for row in rows])

    def _hold_out(self, inputs: Any, targets: Any) -> Sample:
        """Split the rows that have a target; `targets` is a Series, or a list of values."""
        if self.target is None:
            return self.hold_out(inputs, None)
        if isinstance(targets, list):
            targets = values_to_column(targets, self.target)
        missing = targets.isna().to_numpy()
        n_missing, n_rows = int(missing.sum()), len(missing)
        if n_missing and (n_missing == n_rows or not self.drop_missing_targets):
            raise DataError(
                f"{self.path}: the target column {self.target!r} has no value in {n_missing:,} of "
                f"{n_rows:,} rows, first in row {int(missing.argmax())}",
                remedy="Fill in the values, or leave these rows out "
                "(data.drop_missing_targets=true).",
                path=self.path,
                column=self.target,
            )
        if n_missing:
            inputs = take_rows(inputs, np.flatnonzero(~missing).tolist())
        return self.hold_out(inputs, targets[~missing].infer_objects().to_numpy())

    def select_columns(self, names: Sequence[str]) -> list[str]:
        """Return the input columns.

        Args:
            names: The columns of the file.

        Raises:
            DataError: The target or an input column does not exist, or no input column is left.
        """
        if self.target is not None:
            self.check_column("data.target", self.target, names)
        for column in self.columns or ():
            self.check_column("data.columns", column, names)
        columns = self.columns
        if columns is None:
            columns = [column for column in names if column != self.target]
        if not columns:
            raise DataError(
                f"{self.path} has no input columns",
                remedy="Add some to data.columns, or choose another data.target.",
                path=self.path,
            )
        return columns

    def check_column(self, key: str, column: str, names: Sequence[str]) -> None:
        """Check that the file has a column that an option names.

        Raises:
            DataError: It does not.
        """
        if column not in names:
            raise DataError(
                f"{self.path} has no column {column!r}, given in {key}"
                f"{did_you_mean(column, names)}",
                remedy=f"Columns of the file: {truncate(', '.join(names), 1000)}.",
                path=self.path,
                column=column,
            )

    def _read_rows(self, path: Path) -> pd.DataFrame | list[dict[str, Any]]:
        try:
            check_file(path)
            return self.read_records(path) if self.form == "records" else self.read_table(path)
        except DataError as error:
            if error.path is None:
                error.path = str(path)
                error.message = f"{path}, {error.message}"
            raise
        except (ValueError, OSError) as error:
            raise DataError(
                f"{path} cannot be read: {truncate(error, 200)}",
                remedy=f"Expected {self.expected_format}.",
                path=str(path),
            ) from error


def check_file(path: Path) -> None:
    """Check that a path is a file and not empty.

    Raises:
        DataError: The path does not exist, is not a regular file, or is an empty file.
    """
    problem = describe_irregular(path)
    if problem is not None:
        raise DataError(
            f"{path} {problem}",
            remedy=f"data.path is relative to {Path.cwd()}.",
            path=str(path),
        )
    if path.stat().st_size == 0:
        raise DataError(
            f"{path} is empty",
            remedy="Give a file with at least one row.",
            path=str(path),
        )
