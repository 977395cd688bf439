"""The limits of the leak scan, on each side."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from modelpact.security.leak_scan import allowlist_to_tag, scan_folder, scanner
from modelpact.security.leak_scan.plain_text import MAX_PER_KIND
from modelpact.security.leak_scan.registration import MAX_TAG_LENGTH
from modelpact.security.leak_scan.report import AllowlistEntry
from modelpact.security.leak_scan.scanner import MAX_DEPTH
from tests.support.leak_corpus import drawn, sk


@pytest.mark.parametrize("layers", [MAX_DEPTH - 1, MAX_DEPTH])
def test_how_deep_archives_are_unpacked(layers: int) -> None:
    data = sk().encode()
    for _ in range(layers):
        data = gzip.compress(data)
    Path("x.gz").write_bytes(data)
    report = scan_folder(Path())
    if layers < MAX_DEPTH:
        assert ([leak.kind for leak in report.leaks], report.unread) == (["pattern"], [])
    else:
        assert (report.leaks, report.unread) == ([], ["x.gz: it is nested too deeply"])


@pytest.mark.parametrize("n_leaks", [MAX_PER_KIND - 1, MAX_PER_KIND, MAX_PER_KIND + 1])
def test_how_many_leaks_of_a_kind_are_reported(n_leaks: int) -> None:
    Path("x.py").write_text("".join(f"a = '{sk()}'\n" for _ in range(n_leaks)))
    assert len(scan_folder(Path()).leaks) == min(n_leaks, MAX_PER_KIND)


@pytest.mark.parametrize("between", ["", "x = 1\n" * 200_000], ids=["near", "far"])
def test_many_leaks_do_not_hide_those_of_another_kind(between: str) -> None:
    keys = "".join(f"a = '{sk()}'\n" for _ in range(MAX_PER_KIND + 5))
    url = "http://" + f"ann:{drawn(12)}@host/\n"
    Path("x.py").write_text(f"{keys}{between}{url}password = '{drawn(20)}'\n")
    report = scan_folder(Path())
    allowed = [AllowlistEntry(place="x.py", kind="pattern", reason="test vectors")]
    left = {leak.kind for leak in report.leaks if not allowed[0].covers(leak)}
    assert left == {"url", "entropy"}


def test_how_many_clean_files_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanner, "CACHE_SIZE", 2)
    monkeypatch.setattr(scanner, "_clean", type(scanner._clean)())
    for number, remembered in enumerate((1, 2, 2)):
        Path(f"{number}.py").write_text(f"a = {number}")
        scan_folder(Path())
        assert len(scanner._clean) == remembered


@pytest.mark.parametrize("extra", [0, 1])
def test_the_length_of_the_tag(extra: int) -> None:
    entries = [AllowlistEntry(place=f"{n}.py", kind="pattern", reason="r" * 300) for n in range(10)]
    rest = MAX_TAG_LENGTH - len(allowlist_to_tag(entries)) + len(entries[0].place) + extra
    entries[0] = AllowlistEntry(place="x" * rest, kind="pattern", reason="r" * 300)
    text = allowlist_to_tag(entries)
    assert len(text) <= MAX_TAG_LENGTH
    assert text.count("kind") == 10 - extra
    assert (len(text) == MAX_TAG_LENGTH) is (extra == 0)
