"""Checks the files of a batch before any work is done."""

from __future__ import annotations

from pathlib import Path

from modelpact._internal.user_files import describe_unwritable
from modelpact.batch.writers import check_suffix
from modelpact.data import DataSource
from modelpact.data.table_file import TableFile, check_file
from modelpact.errors import ConfigError

__all__ = ["check_paths"]


def check_paths(data: DataSource, out: Path, rejects: Path | None, *, overwrite: bool) -> Path:
    """Check that the input can be read and the outputs can be written.

    Args:
        data: The input.
        out: The output file.
        rejects: The file of rejected rows; None for a file next to the output.
        overwrite: Whether the outputs may exist.

    Returns:
        The file of rejected rows.

    Raises:
        ConfigError: An output cannot be written.
        DataError: The input does not exist.
    """
    check_suffix(out, "task.out")
    rejects = rejects or out.with_suffix(".rejects.jsonl")
    if rejects.suffix != ".jsonl":
        raise ConfigError(
            f"task.rejects={rejects}: the file name must end in .jsonl",
            remedy="Rejects are written as JSON lines.",
            path=str(rejects),
        )
    source = Path(data.path) if isinstance(data, TableFile) else None
    if source is not None:
        check_file(source)
    _check_writable("task.out", out, source, overwrite)
    _check_writable("task.rejects", rejects, source, overwrite)
    if out.absolute() == rejects.absolute():
        raise ConfigError(
            f"task.out and task.rejects are the same file: {out}",
            remedy="Choose different files.",
            path=str(out),
        )
    return rejects


def _check_writable(key: str, path: Path, source: Path | None, overwrite: bool) -> None:
    if source is not None and path.exists() and path.samefile(source):
        raise ConfigError(
            f"{key}={path} is the input file", remedy="Choose another file.", path=str(path)
        )
    problem = describe_unwritable(path)
    if problem is not None:
        raise ConfigError(
            f"{key}={path} {problem}",
            remedy=f"Name a file in a folder that is writable: {key}=out.parquet.",
            path=str(path),
        )
    if not path.parent.is_dir():
        raise ConfigError(
            f"{key}={path}: directory {path.parent} does not exist",
            remedy=f"Create it: mkdir -p {path.parent}.",
            path=str(path),
        )
    if path.exists() and not overwrite:
        raise ConfigError(
            f"{key}={path} exists",
            remedy=f"Replace it with task.overwrite=true, or choose another {key}.",
            path=str(path),
        )
