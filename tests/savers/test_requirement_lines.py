"""Lines of requirements are read before a model is saved with them."""

from __future__ import annotations

import pytest

from modelpact.errors import SaveError
from modelpact.savers.requirement_lines import check_requirements


@pytest.mark.parametrize(
    "line",
    ["a", "a==1.0", "a[b]>=1,<2  # why", "# note", "", "a; python_version < '3'", "a-b==1+cu12"],
)
def test_requirements_by_name(line: str) -> None:
    check_requirements([line], "here", ())


@pytest.mark.parametrize(
    ("line", "allowed"),
    [
        ("--index-url https://x/", "--index-url"),
        ("--extra-index-url=https://x/", "--extra-index-url"),
        ("-i https://x/", "-i"),
        ("--find-links /x", "--find-links"),
        ("-f /x", "-f"),
        ("-r other.txt", "-r"),
        ("-c other.txt", "-c"),
        ("--trusted-host x", "--trusted-host"),
        ("a==1 --hash=sha256:00", "--hash"),
        ("https://x/a.whl", "url"),
        ("a @ https://x/a.whl", "url"),
        ("git+https://x/a", "url"),
        ("./a", "url"),
        ("/x/a.whl", "url"),
    ],
)
def test_other_places_are_allowed_by_name(line: str, allowed: str) -> None:
    with pytest.raises(SaveError, match="here, line 2: "):
        check_requirements(["b", line], "here", ())
    check_requirements([line], "here", (allowed,))


@pytest.mark.parametrize(
    "line", ["a=1", "a==", "==1", "a b", "-e ./a", "a==${VERSION}", "-ihttps://x"]
)
def test_malformed_requirements(line: str) -> None:
    with pytest.raises(SaveError, match="here, line 1: "):
        check_requirements([line], "here", ())
