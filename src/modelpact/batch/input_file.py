"""Detects changes of the input file while a batch runs, and between its runs."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from modelpact.data import DataSource
from modelpact.data.table_file import TableFile
from modelpact.errors import DataError

__all__ = ["FILE_FACTS", "InputCheck", "InputFile", "describe_change"]

InputCheck = Literal["stat", "digest"]

FILE_FACTS = {"bytes": "size in bytes", "modified_ns": "modification time", "sha256": "SHA-256"}
"""What changes with a file, by its key in the state, and how messages call it."""


class InputFile:
    """The input file of a batch, as it was when the batch started.

    Args:
        data: The data source; one that is not a file does not change.
        check: `stat` compares the size and the modification time, `digest` the content.
    """

    def __init__(self, data: DataSource, check: InputCheck) -> None:
        self._path = Path(data.path) if isinstance(data, TableFile) else None
        self._check = check
        self._status = self._read_status()
        self.state = self._read_state()

    def check_status(self) -> None:
        """Check that the size and the modification time are the same; if not, check the content.

        Raises:
            DataError: The file changed.
        """
        status = self._read_status()
        if status != self._status:
            self.check_content()
            self._status = status

    def check_content(self) -> None:
        """Check the file as thoroughly as `check` demands.

        Raises:
            DataError: The file changed.
        """
        change = describe_change(self.state, self._read_state())
        if change:
            raise DataError(
                f"{self._path} changed while the batch was running: {change}",
                remedy="Restore the file and continue with task.resume=true, "
                "or start over with task.overwrite=true.",
                path=str(self._path),
            )

    def _read_status(self) -> dict[str, int]:
        # The reader reports a file that does not exist.
        if self._path is None or not self._path.exists():
            return {}
        status = self._path.stat()
        return {"bytes": status.st_size, "modified_ns": status.st_mtime_ns}

    def _read_state(self) -> dict[str, object]:
        """Return what identifies the file, as JSON values; the checkpoint contains it."""
        status = self._read_status()
        if self._path is None or not status:
            return {}
        state = {"path": str(self._path.resolve()), **status}
        if self._check == "digest":
            # A copy of the file, which has another time, continues the batch.
            del state["modified_ns"]
            with self._path.open("rb") as file:
                state["sha256"] = hashlib.file_digest(file, "sha256").hexdigest()
            state["check_input"] = self._check
        return state


def describe_change(before: Mapping[str, object], now: Mapping[str, object]) -> str:
    """Return how a file changed between two states; empty if it did not.

    Args:
        before: The state of the file at the start.
        now: The state now; empty if the file does not exist any more.
    """
    if before and not now:
        return "it does not exist any more"
    return ", ".join(
        f"the {label} was {_format(key, before[key])}, is {_format(key, now[key])}"
        for key, label in FILE_FACTS.items()
        if key in before and key in now and before[key] != now[key]
    )


def _format(key: str, fact: Any) -> str:
    is_time = key == "modified_ns"
    return str(datetime.datetime.fromtimestamp(fact / 1e9)) if is_time else str(fact)
