"""Checkpoints: the finished parts of an unfinished batch, from which `task.resume` continues."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from modelpact._internal.counts import format_count
from modelpact._internal.files import exclusive_lock, write_atomically
from modelpact._internal.text import truncate
from modelpact.batch.base import Part, PartResult
from modelpact.batch.input_file import FILE_FACTS, describe_change
from modelpact.errors import ConfigError
from modelpact.security.leak_scan import redact

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Checkpoint"]

HAS_ROWS = b"rows"
"""The key of the schema metadata with the information whether a part has rows."""


class Checkpoint:
    """The folder of the finished parts of one output file.

    Args:
        out: The output file; the folder is next to it.
    """

    def __init__(self, out: Path) -> None:
        self._out = out
        self.folder = out.with_name(f".{out.name}.parts")
        self._state = self.folder / "state.json"

    @contextlib.contextmanager
    def open(self, state: Mapping[str, object], *, resume: bool, overwrite: bool) -> Iterator[None]:
        """Lock the folder and prepare it.

        Args:
            state: Everything that the predictions depend on.
            resume: Whether to continue with the finished parts; their state must be equal.
            overwrite: Whether finished parts may be deleted.

        Raises:
            ConfigError: Another process holds the lock, the folder has parts although neither
                `resume` nor `overwrite` is set, or the state differs.
        """
        refusal = ConfigError(
            f"task.out={self._out} is being written by another process",
            remedy="Wait until it has finished, or choose another task.out.",
            path=str(self._out),
        )
        with exclusive_lock(self.folder / "lock", refusal):
            try:
                self._prepare(state, resume=resume, overwrite=overwrite)
                yield
            finally:
                if not self.count_parts():
                    self.delete()

    def _prepare(self, state: Mapping[str, object], *, resume: bool, overwrite: bool) -> None:
        if resume and self._state.exists():
            self._check_state(json.loads(self._state.read_text(encoding="utf-8")), state)
            return
        if self.count_parts() and not overwrite:
            raise ConfigError(
                f"task.out={self._out} is unfinished: {self.describe_progress()}",
                remedy="Continue with task.resume=true, or start over with task.overwrite=true.",
                path=str(self._out),
            )
        for path in self.folder.iterdir():
            if path.name != "lock":
                path.unlink()
        write_atomically(self._state, json.dumps(state, indent=2))

    def _check_state(self, before: Mapping[str, object], now: Mapping[str, object]) -> None:
        now = json.loads(json.dumps(now))
        changed = [key for key in {**before, **now} if before.get(key) != now.get(key)]
        if not changed:
            return
        if set(changed) <= FILE_FACTS.keys():
            raise ConfigError(
                f"task.resume=true: {now['path']} has changed since {self._out} was started: "
                f"{describe_change(before, now)}",
                remedy="Restore the file, "
                "or start over with task.overwrite=true and without task.resume.",
                path=str(now["path"]),
            )
        lines = "".join(
            f"\n  {key}: was {before.get(key)!s:.200}, is {now.get(key)!s:.200}" for key in changed
        )
        raise ConfigError(
            f"task.resume=true: {self._out} was started with a different configuration:{lines}",
            remedy="Restore the configuration, "
            "or start over with task.overwrite=true and without task.resume.",
        )

    def has(self, part: Part) -> bool:
        """Return whether a part is finished."""
        return self._path(part).exists()

    def count_parts(self) -> int:
        """Return the number of finished parts."""
        return len(list(self.folder.glob("*.arrow")))

    def describe_progress(self) -> str:
        """Return the number of finished parts as a sentence."""
        n_parts = self.count_parts()
        return f"{format_count(n_parts, 'part')} {'is' if n_parts == 1 else 'are'} done"

    def save(self, result: PartResult, empty: pa.Table) -> None:
        """Store the result of a part.

        Args:
            result: The result.
            empty: The table to store if every row was rejected.
        """
        import pyarrow as pa

        path = self._path(result.part)
        # A killed process may have left the rejects of an unfinished part.
        path.with_suffix(".jsonl").unlink(missing_ok=True)
        if result.rejects:
            rows = [{**one.to_dict(), "got": redact(truncate(one.got))} for one in result.rejects]
            lines = "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)
            write_atomically(path.with_suffix(".jsonl"), lines)
        table, has_rows = (empty, b"0") if result.table is None else (result.table, b"1")
        table = table.replace_schema_metadata({HAS_ROWS: has_rows})
        temporary = path.with_suffix(".new")
        with pa.OSFile(str(temporary), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)
        os.replace(temporary, path)

    def load_table(self, part: Part) -> pa.Table:
        """Return the predictions of a part."""
        import pyarrow as pa

        with pa.memory_map(str(self._path(part))) as file:
            return pa.ipc.open_file(file).read_all()

    def load_schemas(self, parts: list[Part]) -> list[pa.Schema]:
        """Return the schemas of the parts with rows; one schema if no part has rows."""
        schemas = list(map(self._load_schema, parts))
        with_rows = [one for one in schemas if (one.metadata or {}).get(HAS_ROWS) == b"1"]
        return with_rows or schemas[:1]

    def _load_schema(self, part: Part) -> pa.Schema:
        import pyarrow as pa

        with pa.memory_map(str(self._path(part))) as file:
            return pa.ipc.open_file(file).schema

    def load_rejects(self, part: Part) -> str:
        """Return the rejects of a part as JSON lines."""
        path = self._path(part).with_suffix(".jsonl")
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def delete(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, part: Part) -> Path:
        return self.folder / f"{part.index:08d}.arrow"
