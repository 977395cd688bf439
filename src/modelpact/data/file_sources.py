"""Tables in CSV, JSON Lines and Parquet files."""

from __future__ import annotations

import json
from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from modelpact._internal.text import did_you_mean, truncate
from modelpact.data.base import DataSource
from modelpact.errors import DataError
from modelpact.types import Sample

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CsvData", "JsonlData", "ParquetData", "TableFile", "check_file"]


class TableFile(DataSource):
    """A table in a file. Its columns are the inputs; one of them can be the target.

    Attributes:
        path: The file, relative to the working directory.
        target: Target column; None for unsupervised models.
        columns: Input columns, in this order; None for all but the target.
        form: Type of the inputs: a DataFrame (`frame`) or a list of dicts (`records`).
    """

    excluded_from_key = frozenset({"path"})

    expected_format: ClassVar[str]
    """What the file must contain, for error messages."""

    path: str
    target: str | None = None
    columns: list[str] | None = None
    form: Literal["frame", "records"] = "frame"

    @property
    def name(self) -> str:
        return Path(self.path).stem

    @abstractmethod
    def read_table(self, path: Path) -> pd.DataFrame:
        """Read the whole file.

        Raises:
            ValueError: The content is malformed. The parser errors of pandas and Arrow are
                subclasses, and so is `UnicodeDecodeError`.
        """

    def read(self) -> Sample:
        path = Path(self.path)
        frame = self._read_frame(path)
        self._check_columns(frame, path)
        targets = None if self.target is None else frame[self.target].to_numpy()
        columns = self.columns
        if columns is None:
            columns = [column for column in frame.columns if column != self.target]
        if not columns:
            raise DataError(
                f"{path} has no input columns",
                remedy="Add some to data.columns, or choose another data.target.",
                path=str(path),
            )
        table = frame[columns]
        inputs: Any = table.to_dict("records") if self.form == "records" else table
        return self.hold_out(inputs, targets)

    def _read_frame(self, path: Path) -> pd.DataFrame:
        try:
            check_file(path)
            frame = self.read_table(path)
        except DataError:
            raise
        except (ValueError, OSError) as error:
            raise DataError(
                f"{path} cannot be read: {truncate(error, 200)}",
                remedy=f"Expected {self.expected_format}.",
                path=str(path),
            ) from error
        if frame.empty:
            raise DataError(
                f"{path} has no rows", remedy="Give at least one row of data.", path=str(path)
            )
        # The column names of a Parquet file may be numbers.
        frame.columns = frame.columns.map(str)
        return frame

    def _check_columns(self, frame: pd.DataFrame, path: Path) -> None:
        known = [str(column) for column in frame.columns]
        named = [("data.target", self.target)] if self.target is not None else []
        named += [("data.columns", column) for column in self.columns or []]
        for key, column in named:
            if column not in known:
                raise DataError(
                    f"{path} has no column {column!r}, given in {key}{did_you_mean(column, known)}",
                    remedy=f"Columns of the file: {', '.join(known)}.",
                    path=str(path),
                    column=column,
                )


def check_file(path: Path) -> None:
    """Check that a path is a file and not empty.

    Raises:
        DataError: The path does not exist, is a folder, or is an empty file.
    """
    if not path.is_file():
        problem = "is a folder, not a file" if path.is_dir() else "does not exist"
        raise DataError(
            f"{path} {problem}", remedy=f"data.path is relative to {Path.cwd()}.", path=str(path)
        )
    if path.stat().st_size == 0:
        raise DataError(
            f"{path} is empty", remedy="Give a file with at least one row.", path=str(path)
        )


class CsvData(TableFile):
    r"""A CSV file in UTF-8 with a header.

    Attributes:
        separator: Field separator: one character, `\t` for a tab, or `\s+` for any white space.
    """

    expected_format = "a CSV file in UTF-8 with a header, with fields separated by data.separator"

    separator: str = Field(default=",", pattern=r"^(.|\\t|\\s\+)$")

    def read_table(self, path: Path) -> pd.DataFrame:
        import pandas as pd

        return pd.read_csv(path, sep="\t" if self.separator == r"\t" else self.separator)


class JsonlData(TableFile):
    """A JSON Lines file in UTF-8: one JSON object per line."""

    expected_format = "a JSON Lines file in UTF-8: one JSON object per line"

    def read_table(self, path: Path) -> pd.DataFrame:
        import pandas as pd

        lines = path.read_text(encoding="utf-8-sig").split("\n")
        rows = []
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            row = json.loads(line)
            if not isinstance(row, dict):
                raise ValueError(f"line {number} is not a JSON object")
            rows.append(row)
        return pd.DataFrame(rows)


class ParquetData(TableFile):
    """A Parquet file."""

    expected_format = "a Parquet file"

    def read_table(self, path: Path) -> pd.DataFrame:
        import pandas as pd

        return pd.read_parquet(path)
