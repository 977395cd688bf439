"""Tables in files."""

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
    """A table in a file: columns are inputs, one of them may be the target.

    Attributes:
        path: The file, relative to the working folder.
        target: The column to learn; None where nothing is learned.
        columns: The columns that are inputs, in this order; None for all but the target.
        form: Inputs as one DataFrame, or as a list of dicts.
    """

    excluded_from_key = frozenset({"path"})
    wanted: ClassVar[str]

    path: str
    target: str | None = None
    columns: list[str] | None = None
    form: Literal["frame", "records"] = "frame"

    @property
    def name(self) -> str:
        return Path(self.path).stem

    @abstractmethod
    def table(self, path: Path) -> pd.DataFrame:
        """Read the whole file; any ValueError, Unicode or Arrow error means that it is not readable."""

    def read(self) -> Sample:
        path = Path(self.path)
        try:
            check_file(path)
            frame = self.table(path)
        except DataError:
            raise
        except (
            ValueError,
            OSError,
        ) as error:  # pandas' parser errors, UnicodeDecodeError and Arrow's are ValueErrors
            raise DataError(
                f"{path} cannot be read: {truncate(error, 200)}",
                remedy=f"It must be {self.wanted}.",
                path=str(path),
            ) from error
        if frame.empty:
            raise DataError(
                f"{path} has no rows",
                remedy="Give at least one row below the header.",
                path=str(path),
            )
        frame.columns = frame.columns.map(str)  # a Parquet file may name them by numbers
        self._check_columns(frame, path)
        targets = None if self.target is None else frame[self.target].to_numpy()
        kept = (
            self.columns
            if self.columns is not None
            else [column for column in frame.columns if column != self.target]
        )
        if not kept:
            raise DataError(
                f"{path} has no column left for inputs",
                remedy="Name at least one in data.columns, or another data.target.",
                path=str(path),
            )
        inputs: Any = frame[kept].to_dict("records") if self.form == "records" else frame[kept]
        return self.hold_out(inputs, targets)

    def _check_columns(self, frame: pd.DataFrame, path: Path) -> None:
        known = [str(column) for column in frame.columns]
        asked = [("data.target", self.target)] if self.target is not None else []
        asked += [("data.columns", column) for column in self.columns or []]
        for key, column in asked:
            if column not in known:
                raise DataError(
                    f"{path} has no column {column!r}, which {key} names{did_you_mean(str(column), known)}",
                    remedy=f"Its columns: {', '.join(known)}.",
                    path=str(path),
                    column=column,
                )


def check_file(path: Path) -> None:
    """Refuse what is no file, or an empty one.

    Raises:
        DataError: There is nothing to read.
    """
    if not path.is_file():
        what = "is a folder, not a file" if path.is_dir() else "does not exist"
        raise DataError(
            f"{path} {what}", remedy=f"data.path is read from {Path.cwd()}.", path=str(path)
        )
    if path.stat().st_size == 0:
        raise DataError(
            f"{path} is empty",
            remedy="Give a file with a header and at least one row.",
            path=str(path),
        )


class CsvData(TableFile):
    """A CSV file with a header, in UTF-8.

    Attributes:
        separator: The character that stands between two cells. As escapes, a tab (t) and any white space (s+) are taken too.
    """

    wanted = "a CSV file in UTF-8 with a header; data.separator says what stands between two cells"

    separator: str = Field(default=",", pattern=r"^(.|\\t|\\s\+)$")

    def table(self, path: Path) -> pd.DataFrame:
        import pandas as pd

        return pd.read_csv(path, sep="\t" if self.separator == r"\t" else self.separator)


class JsonlData(TableFile):
    """A file with a JSON object a line, in UTF-8."""

    wanted = "a file in UTF-8 with one JSON object a line"

    def table(self, path: Path) -> pd.DataFrame:
        import pandas as pd

        rows = [
            json.loads(line)
            for line in path.read_text(encoding="utf-8-sig").split("\n")
            if line.strip()
        ]
        if not all(isinstance(row, dict) for row in rows):
            raise ValueError("a line is no object")
        return pd.DataFrame(rows)


class ParquetData(TableFile):
    """A Parquet file."""

    wanted = "a Parquet file"

    def table(self, path: Path) -> pd.DataFrame:
        import pandas as pd

        return pd.read_parquet(path)
