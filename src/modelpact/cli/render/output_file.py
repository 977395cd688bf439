"""Output files: checked before any work is done, and written at the end."""

from __future__ import annotations

from pathlib import Path

from modelpact._internal.files import write_atomically
from modelpact._internal.user_files import describe_unwritable
from modelpact.cli.render.console import echo
from modelpact.errors import ConfigError

__all__ = ["check_writable", "write_text"]


def check_writable(file: str | None, key: str) -> None:
    """Check that a file can be written.

    Args:
        file: Its path; None for standard output.
        key: The key of the configuration, such as `task.out`.

    Raises:
        ConfigError: The path is a folder, a device or a pipe, or its folder is not writable.
    """
    problem = None if file is None else describe_unwritable(Path(file))
    if problem is not None:
        raise ConfigError(
            f"{key}={file} {problem}", remedy=f"Give a file name: {key}=model.json.", path=file
        )


def write_text(file: str | None, text: str, note: str) -> None:
    """Write a text to a file, atomically, or to standard output.

    Args:
        file: Its path; None for standard output.
        text: The text.
        note: What to print after writing the file.
    """
    if file is None:
        echo(text.rstrip("\n"))
    else:
        write_atomically(Path(file), text)
        echo(note)
