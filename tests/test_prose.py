"""Docs, docstrings, comments and messages use the field's words: no phrase of the list below."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.paths import ROOT

PHRASES = {
    r"(?<!there )(?:is|are|was|were) no(?= (?!longer\b|more than\b|other\b))": "is not a",
    r"where there (?:is|are) none": "if it does not exist",
    r"whoever|somebody|anybody|nobody|everybody": "the user, you",
    r"he|him|his": "the user, you",
    r"as one(?=[.,;:)])": "together",
    r"a (?:row|line|column|job|file) each": "one per row",
    r"beside each other": "in parallel",
    r"(?:is|are|was|were) told": "receives, is reported",
    r"(?:is|are) asked": "is called",
    r"lies? in": "is in",
    r"comes? to(?! \w+ing)": "results in",
    r"by way of": "through",
    r"gives? way": "defers",
    r"told apart": "distinguished",
}
"""Forbidden phrases, with replacements."""

PATTERN = re.compile("|".join(rf"\b(?:{phrase})\b" for phrase in PHRASES), re.IGNORECASE)

NOT_CLEAN: frozenset[str] = frozenset()
"""Files that still have such phrases; the set only gets smaller."""

STATEMENT_STARTS = (tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)

FOLDERS = ("src", "conf", "docs", "tests")
PAGES = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")


def find_phrases(path: Path) -> list[str]:
    """Return the phrases in a file, each with its line."""
    return [
        f"{path.relative_to(ROOT)}:{line + text[: match.start()].count(chr(10))}: {match[0]!r}"
        for line, text in read_prose(path)
        for match in PATTERN.finditer(text)
    ]


def read_prose(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the texts of a file with their first lines: the whole page, or strings and comments.

    Of tests, only docstrings and comments count, because their strings are test data.
    """
    content = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        yield 1, content
        return
    is_test = path.is_relative_to(ROOT / "tests")
    starts_statement = True
    for token in tokenize.generate_tokens(io.StringIO(content).readline):
        is_string = tokenize.tok_name[token.type] in ("STRING", "FSTRING_MIDDLE")
        if token.type == tokenize.COMMENT or (is_string and (starts_statement or not is_test)):
            yield token.start[0], token.string
        if token.type not in (tokenize.COMMENT, tokenize.NL):
            starts_statement = token.type in STATEMENT_STARTS


def files() -> list[Path]:
    """Return the files with prose."""
    return [ROOT / page for page in PAGES] + [
        path
        for folder in FOLDERS
        for path in sorted((ROOT / folder).rglob("*"))
        if path.suffix in (".py", ".md", ".yaml") and path != Path(__file__)
    ]


def test_prose_uses_the_words_of_the_field() -> None:
    found = {path.relative_to(ROOT).as_posix(): find_phrases(path) for path in files()}
    dirty = {name: phrases for name, phrases in found.items() if phrases}
    assert sorted(phrase for name in dirty.keys() - NOT_CLEAN for phrase in dirty[name]) == []


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("it is no number", "is no"),
        ("Whoever calls", "Whoever"),
        ("what he gave", "he"),
    ],
)
def test_the_phrases_are_found(text: str, phrase: str) -> None:
    match = PATTERN.search(text)
    assert match is not None
    assert match[0] == phrase


@pytest.mark.parametrize(
    "text", ["it is no longer used", "the first", "as one request", "there is no such file"]
)
def test_other_phrases_are_not_found(text: str) -> None:
    assert PATTERN.search(text) is None
