"""Parts that are done, kept in a folder beside the output until all of them are: what a batch goes on from."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelpact._internal.files import write_atomically
from modelpact._internal.text import truncate
from modelpact.batch.base import Part, PartResult
from modelpact.errors import ConfigError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Checkpoint"]


class Checkpoint:
    """The folder of the parts of one output.

    Args:
        out: The output; the folder lies beside it.
    """

    def __init__(self, out: Path) -> None:
        self._out = out
        self.folder = out.with_name(f".{out.name}.parts")
        self._state = self.folder / "state.json"

    @contextlib.contextmanager
    def opened(self, state: Mapping[str, Any], *, resume: bool, overwrite: bool) -> Iterator[None]:
        """Have the folder for oneself.

        Args:
            state: What the parts depend on.
            resume: Whether to go on where one stopped; the state must be the same.
            overwrite: Whether parts that are there may be thrown away.

        Raises:
            ConfigError: Another process is at it; there are parts and nothing is said about them; or they depend on something
                else than now.
        """
        from filelock import FileLock, Timeout

        self.folder.mkdir(exist_ok=True)
        lock = FileLock(self.folder / "lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise ConfigError(
                f"task.out={self._out} is being written by another process",
                remedy="Wait for it, or choose another task.out.",
                path=str(self._out),
            ) from None
        try:
            self._begin(state, resume=resume, overwrite=overwrite)
            yield
        finally:
            lock.release()
            if not self.count():
                self.remove()

    def _begin(self, state: Mapping[str, Any], *, resume: bool, overwrite: bool) -> None:
        done = self.count()
        if resume and self._state.exists():
            self._compare(json.loads(self._state.read_text(encoding="utf-8")), state)
            return
        if done and not overwrite:
            raise ConfigError(
                f"task.out={self._out} was begun and not finished: {done:,} {'part is' if done == 1 else 'parts are'} done",
                remedy="task.resume=true goes on; task.overwrite=true begins anew.",
                path=str(self._out),
            )
        for path in self.folder.iterdir():
            if path.name != "lock":
                path.unlink()
        write_atomically(self._state, json.dumps(state, indent=2))

    def _compare(self, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
        now = json.loads(json.dumps(now))
        changed = [key for key in {**before, **now} if before.get(key) != now.get(key)]
        if changed:
            lines = "".join(
                f"\n  {key}: {before.get(key)!s:.200} then, {now.get(key)!s:.200} now"
                for key in changed
            )
            raise ConfigError(
                f"task.resume=true: {self._out} was begun with something else:{lines}",
                remedy="Set it as it was, or begin anew with task.overwrite=true and without task.resume.",
            )

    def has(self, part: Part) -> bool:
        """Whether a part is done."""
        return self._path(part).exists()

    def count(self) -> int:
        """How many parts are done."""
        return len(list(self.folder.glob("*.arrow")))

    def put(self, scored: PartResult, empty: pa.Table) -> None:
        """Keep what has become of a part."""
        import pyarrow as pa

        path = self._path(scored.part)
        path.with_suffix(".jsonl").unlink(missing_ok=True)  # of one that was begun and not finished
        if scored.rejects:
            lines = [
                json.dumps({**reject.to_dict(), "got": truncate(reject.got)}, ensure_ascii=False)
                for reject in scored.rejects
            ]
            write_atomically(path.with_suffix(".jsonl"), "\n".join(lines) + "\n")
        table = scored.table if scored.table is not None else empty
        table = table.replace_schema_metadata({b"rows": b"1" if scored.table is not None else b"0"})
        aside = path.with_suffix(".new")
        with pa.OSFile(str(aside), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)
        os.replace(aside, path)

    def table(self, part: Part) -> pa.Table:
        """The answers of a part."""
        import pyarrow as pa

        with pa.memory_map(str(self._path(part))) as file:
            return pa.ipc.open_file(file).read_all()

    def schema(self, part: Part) -> pa.Schema:
        """The columns of a part."""
        import pyarrow as pa

        with pa.memory_map(str(self._path(part))) as file:
            return pa.ipc.open_file(file).schema

    def rejects(self, part: Part) -> str:
        """The lines about the rows of a part that are set aside."""
        path = self._path(part).with_suffix(".jsonl")
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def remove(self) -> None:
        """Throw everything away."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, part: Part) -> Path:
        return self.folder / f"{part.index:08d}.arrow"
