from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from modelpact._internal.files import cache_folder, write_atomically


def test_the_cache_folder_of_the_environment_variable_is_created(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MODELPACT_CACHE", str(tmp_path / "a" / "b"))
    assert cache_folder() == tmp_path / "a" / "b"
    assert (tmp_path / "a" / "b").is_dir()


@pytest.mark.parametrize("value", [None, ""])
def test_the_default_cache_folder_is_that_of_the_platform(
    value: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("MODELPACT_CACHE")
    if value is not None:
        monkeypatch.setenv("MODELPACT_CACHE", value)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda name, appauthor: str(tmp_path / name))
    assert cache_folder() == tmp_path / "modelpact"


def test_no_cache_folder_if_it_cannot_be_created(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("MODELPACT_CACHE", str(tmp_path / "file" / "cache"))
    assert cache_folder() is None


def test_no_cache_folder_if_it_is_not_writable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert cache_folder() is None


def test_missing_folders_are_created() -> None:
    write_atomically(Path("a/b/c.txt"), "grüße\n")
    assert Path("a/b/c.txt").read_text(encoding="utf-8") == "grüße\n"
    assert os.listdir("a/b") == ["c.txt"]


def test_a_file_is_replaced() -> None:
    for text in ("one", "two"):
        write_atomically(Path("file"), text)
    assert Path("file").read_text() == "two"


def test_permissions_follow_the_umask() -> None:
    before = os.umask(0o022)
    try:
        write_atomically(Path("file"), "x")
    finally:
        os.umask(before)
    assert Path("file").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("failing", ["os.replace", "pathlib.Path.write_text"])
@pytest.mark.parametrize(
    "error", [OSError("disk full"), KeyboardInterrupt()], ids=["error", "interrupt"]
)
def test_a_failure_keeps_the_old_file_and_no_temporary_one(
    failing: str, error: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("file").write_text("old")

    def fail(*_: Any, **__: Any) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(failing, fail)
        with pytest.raises(type(error)):
            write_atomically(Path("file"), "new")
    assert Path("file").read_text() == "old"
    assert os.listdir() == ["file"]


def test_readers_never_see_a_partial_file() -> None:
    texts = ["a" * 200_000, "b" * 200_000]
    write_atomically(Path("file"), texts[0])
    code = """
from pathlib import Path
from modelpact._internal.files import write_atomically
for turn in range(300):
    write_atomically(Path("file"), "ab"[turn % 2] * 200_000)
"""
    with subprocess.Popen([sys.executable, "-c", code]) as writer:
        while writer.poll() is None:
            assert Path("file").read_text() in texts
    assert writer.returncode == 0
    assert os.listdir() == ["file"]
