"""Secrets with one value per way into a program, and a search for them in all that it writes."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import random
import sqlite3
import string
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

WINDOW = 12
"""Characters of a secret that are a find; half of a secret is longer."""

DIRECTORIES = {
    ".hydra": "Hydra's files",
    "artifacts": "artifacts of runs",
    "models": "files of saved models",
}
FILES = {
    "multirun.yaml": "Hydra's files",
    "receipt.json": "receipt.json",
    "sweep.csv": "sweep.csv",
    "sweep.html": "sweep.html",
    "sweep.json": "sweep.json",
    "mlflow.db": "the database",
}
SUFFIXES = {".log": "the log of a job", ".jsonl": "the rejects of a batch"}


def make_secret(way: str) -> str:
    """Return the secret of a way: 26 random characters, the same at each call."""
    source = random.Random(way)
    letters = "".join(source.choices(string.ascii_letters + string.digits, k=24))
    return f"{letters[:7]}+{letters[7:16]}/{letters[16:]}"


def make_hex(way: str, length: int) -> str:
    """Return random digits in hex."""
    return (hashlib.sha512(way.encode()).hexdigest() * 2)[:length]


def make_word(way: str, length: int) -> str:
    """Return random letters and digits."""
    return "".join(random.Random(way).choices(string.ascii_letters + string.digits, k=length))


class Search:
    """Finds the secrets of ways in texts, in every encoding, and halves of them.

    Attributes:
        ways: The secret of each way.
    """

    def __init__(self) -> None:
        self.ways: dict[str, str] = {}
        self._windows: dict[str, str] = {}

    def add(self, way: str, value: str) -> str:
        """Add the secret of a way, and return it."""
        assert way not in self.ways, way
        self.ways[way] = value
        for form in map(str.lower, _encode(value)):
            for start in range(len(form) - WINDOW + 1):
                self._windows.setdefault(form[start : start + WINDOW], way)
        return value

    def find(self, text: str) -> set[str]:
        """Return the ways whose secrets are in a text."""
        text = text.lower()
        starts = range(len(text) - WINDOW + 1)
        windows = self._windows
        return {
            windows[text[at : at + WINDOW]] for at in starts if text[at : at + WINDOW] in windows
        }


def _encode(value: str) -> Iterator[str]:
    data = value.encode()
    yield from (value, quote(value), quote(value, safe=""), json.dumps(value)[1:-1], data.hex())
    yield from (repr(value)[1:-1], html.escape(value))
    for before in ("", "a", "ab"):
        encoded = base64.b64encode(before.encode() + data).decode()
        # the first characters and the last ones also encode other texts
        yield encoded[4 if before else 0 : -4]
        yield encoded[4 if before else 0 : -4].replace("+", "-").replace("/", "_")


def read_place(path: Path, folder: Path) -> tuple[str, str]:
    """Return the place of a file or folder in a working folder, and its name with its content."""
    relative = path.relative_to(folder)
    if path.is_dir():
        return place_of(relative), str(relative)
    if path.name == "mlflow.db":
        with closing(sqlite3.connect(path)) as connection:
            return FILES[path.name], "\n".join(connection.iterdump())
    return place_of(relative), f"{relative}\n{path.read_bytes().decode('latin-1')}"


def place_of(path: Path) -> str:
    """Return the place that a path below the working folder belongs to."""
    known = [place for part, place in DIRECTORIES.items() if part in path.parts]
    if "models" in path.parts:
        return DIRECTORIES["models"]
    return (known or [FILES.get(path.name) or SUFFIXES.get(path.suffix) or "other files"])[0]


def lines(pairs: Iterable[tuple[str, str]]) -> str:
    """Return finds as lines."""
    return "\n".join(f"  {way}: {place}" for way, place in sorted(pairs))
