"""Runs commands with secrets in all their inputs, and searches all their outputs for them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.canaries import Search, make_secret, make_word, read_place
from tests.support.commands import CommandResult

ENDINGS = ("KEY", "PAT", "PWD", "DSN", "CREDENTIALS", "PASSWORD", "TOKEN")
"""Endings of the variables that hold the secrets, in turn."""

OUTPUTS = ("out.jsonl", "raised.jsonl")
"""The outputs of batches, which contain the data of the user."""

STEPS = {
    "data": "LeakingData",
    "model": "LeakingModel",
    "signer": "LeakingSigner",
    "verifier": "LeakingVerifier",
    "register": "LeakingRegister",
}
ROWS = "[{a: 1.0, b: 2.0}, {a: 2.0, b: 3.0}, {a: 3.0, b: 5.0}, {a: 4.0, b: 6.0}]"
LEAKY = (
    *(f"{group}=leaky" for group in STEPS),
    *("saver.pip_requirements=[numpy]", "name=lab"),
)


class Lab:
    """Runs commands, and searches all that they write.

    Attributes:
        own: The folder of the user's own files.
        search: The secrets.
        finds: The ways whose secrets were found, each with the place.
        places: The places that were searched.
    """

    def __init__(
        self, run: Callable[..., CommandResult], own: Path, patch: pytest.MonkeyPatch
    ) -> None:
        self._run, self._patch = run, patch
        self.own = own
        self.search = Search()
        self.finds: set[tuple[str, str]] = set()
        self.places: set[str] = set()
        self._seen: set[tuple[Path, int, int]] = set()
        for group, kind in STEPS.items():
            at = "none\nnote: ''" if group == "model" else "${model.at}"
            rest = f"inputs: {ROWS}\ntargets: [1, 2, 3, 4]\n" if group == "data" else ""
            text = f"_target_: leaking_steps.{kind}\nat: {at}\n{rest}"
            self.write(f"conf/{group}/leaky.yaml", text)
        patch.setenv("LAB_FILE", str(own / "texts.json"))

    def write(self, file: str, text: str) -> str:
        """Write one of the user's own files, and return its path."""
        path = self.own / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return str(path)

    def secret(self, way: str) -> str:
        """Return the secret of a way, which is the value of an environment variable."""
        self.variable(way)
        return self.search.ways[way]

    def variable(self, way: str) -> str:
        """Return the name of the variable with the secret of a way."""
        number = len(self.search.ways)
        name = f"LAB_{number}_{ENDINGS[number % len(ENDINGS)]}"
        self._patch.setenv(name, self.search.add(way, make_secret(way)))
        return name

    def unknown(self, way: str, prefix: str = "", value: str = "") -> str:
        """Return the secret of a way, which only its form or its name tells, with a prefix."""
        return prefix + self.search.add(way, value or make_word(way, 40))

    def command(self, *arguments: str) -> CommandResult:
        """Run a command, and search all that it writes."""
        ended = self._run("--config-dir", str(self.own / "conf"), *arguments)
        self.check("the screen", ended.out + ended.err)
        self.search_files()
        return ended

    def refuse(self, *arguments: str, places: tuple[str, ...] = ()) -> None:
        """Run a command that is rejected before it writes a file."""
        before = set(Path.cwd().rglob("*"))
        ended = self.command(*arguments)
        assert ended.status == 2, ended.err
        assert set(Path.cwd().rglob("*")) == before
        assert [place for place in places if place not in ended.err] == [], ended.err

    def check(self, place: str, text: str) -> None:
        """Search a text for all secrets."""
        self.places.add(place)
        self.finds |= {(way, place) for way in self.search.find(text)}

    def search_files(self) -> None:
        """Search the files that were written since the last search."""
        for path in sorted(Path.cwd().rglob("*")):
            state = (path, path.stat().st_mtime_ns, path.stat().st_size)
            if state not in self._seen and path.name not in OUTPUTS:
                self._seen.add(state)
                self.check(*read_place(path, Path.cwd()))
