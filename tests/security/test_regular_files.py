from __future__ import annotations

import os
import stat
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from modelpact.security import regular_files
from modelpact.security.regular_files import (
    hash_file,
    is_writable_by_others,
    open_regular,
    walk,
)


def test_walks_through_all_folders_and_follows_no_link(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "file").write_text("x")
    (tmp_path / "link").symlink_to("a")
    entries = dict(walk(tmp_path))
    assert sorted(entries) == ["a", "a/b", "a/b/file", "link"]
    assert stat.S_ISLNK(entries["link"].st_mode)


def test_opens_and_hashes_only_regular_files(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"abc")
    with open_regular(tmp_path / "file") as file:
        assert file.read() == b"abc"
    assert hash_file(tmp_path / "file").startswith("ba7816bf")
    (tmp_path / "link").symlink_to("file")
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "pipe", "missing", "."):
        for read in (open_regular, hash_file):
            with pytest.raises(OSError, match=r"regular|symbolic|No such|directory"):
                read(tmp_path / name)


@pytest.mark.parametrize(
    ("mode", "uid", "gid", "others"),
    [
        (stat.S_IFREG | 0o644, None, 0, False),
        (stat.S_IFDIR | 0o755, 0, 0, False),
        (stat.S_IFREG | 0o644, 54321, 0, True),
        (stat.S_IFREG | 0o666, None, 0, True),
        (stat.S_IFREG | 0o664, None, 54321, True),
        (stat.S_IFDIR | 0o775, None, 0, False),
        (stat.S_IFLNK | 0o777, None, 0, False),
    ],
)
def test_files_writable_by_others(mode: int, uid: int | None, gid: int, others: bool) -> None:
    status: Any = SimpleNamespace(
        st_mode=mode, st_uid=os.geteuid() if uid is None else uid, st_gid=gid
    )
    assert is_writable_by_others(status) is others


def test_a_private_group_has_no_other_users(monkeypatch: pytest.MonkeyPatch) -> None:
    import grp
    import pwd

    status: Any = SimpleNamespace(st_mode=stat.S_IFREG | 0o664, st_uid=os.geteuid(), st_gid=4242)
    members: list[str] = []
    monkeypatch.setattr(pwd, "getpwuid", lambda uid: SimpleNamespace(pw_gid=4242, pw_name="ada"))
    monkeypatch.setattr(grp, "getgrgid", lambda gid: SimpleNamespace(gr_name="ada", gr_mem=members))
    regular_files._is_private_group.cache_clear()
    try:
        assert not is_writable_by_others(status)
        members.append("bob")
        regular_files._is_private_group.cache_clear()
        assert is_writable_by_others(status)
    finally:
        regular_files._is_private_group.cache_clear()


def test_a_platform_without_owners_has_no_other_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "geteuid")
    assert not is_writable_by_others(Path().stat())
