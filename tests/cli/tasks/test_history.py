from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from modelpact.cli.tasks import RepairTask
from modelpact.errors import (
    AliasError,
)
from modelpact.registry.aliases import Aliases
from modelpact.tracking import SqliteTracking
from tests.support.alias_tasks import (
    BETTER,
    WORSE,
    aliased_version,
    history,
    move_alias,
    promote,
    protect,
)
from tests.support.publishing import client

pytestmark = pytest.mark.usefixtures("alias_store")


class TestHistory:
    def test_without_aliases(self, capsys: pytest.CaptureFixture[str]) -> None:
        history()
        assert capsys.readouterr().out == "sums: no moves\n"

    def test_table(self, capsys: pytest.CaptureFixture[str]) -> None:
        move_alias(WORSE)
        promote(BETTER, why="better\n\x1b[31mred")
        move_alias(WORSE, "blue")
        protect()
        capsys.readouterr()
        history()
        lines = capsys.readouterr().out.splitlines()
        assert lines[0] == "sums: 4 moves"
        assert lines[1].split() == [
            "alias",
            "move",
            "when",
            "(UTC)",
            "who",
            "by",
            "from",
            "to",
            "rules",
            "why",
        ]
        cells = [line.split() for line in lines[2:6]]
        assert [[*line[:2], *line[3:]] for line in cells] == [
            ["blue", "1", "ann", "python", "-", "1", "-", "-"],
            ["champion", "1", "ann", "python", "-", "1", "-", "-"],
            ["champion", "2", "ann", "promote", "1", "2", "4", "of", "4", "better", "[31mred"],
            ["champion", "3", "ann", "protect", "2", "2", "-", "-"],
        ]
        assert lines[6:] == ["blue names version 1", "champion names version 2, and is protected"]

    def test_one_alias_as_json(self, capsys: pytest.CaptureFixture[str]) -> None:
        move_alias(WORSE, "blue")
        promote(BETTER)
        capsys.readouterr()
        history(alias="champion", format="json")
        found = json.loads(capsys.readouterr().out)
        (alias,) = found["aliases"]
        moves = alias.pop("moves")
        assert alias == {
            "alias": "champion", "version": 2, "registered": 2, "protected": False, "outside": False, "unfinished": False,
        }  # fmt: skip
        assert [(move["from"], move["to"], move["by"]) for move in moves] == [(None, 2, "promote")]
        assert [rule["name"] for rule in moves[0]["rules"]] == [
            "metric",
            "compatibility",
            "verified",
            "integrity",
        ]

    @pytest.mark.parametrize("form", ["table", "json"])
    def test_output_file(
        self, form: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        move_alias(WORSE)
        file = tmp_path / "history.txt"
        history(format=form, out=str(file))
        assert capsys.readouterr().out == f"wrote {file}: 1 move\n"
        assert "champion" in file.read_text()

    def test_moves_outside_of_modelpact_are_reported(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        client().set_registered_model_alias("sums", "blue", "1")
        move_alias(WORSE)
        client().set_registered_model_alias("sums", "champion", "3")
        move_alias(WORSE, "green")
        client().delete_registered_model_alias("sums", "green")
        history()
        assert capsys.readouterr().out.splitlines()[-3:] == [
            "blue names version 1; it was set outside of modelpact, which the next move records",
            "champion names version 3; it was moved outside of modelpact, from version 1, "
            "which the next move records",
            "green names no version; it was moved outside of modelpact, from version 1, "
            "which the next move records",
        ]

    @pytest.mark.parametrize("first", [True, False])
    def test_an_unfinished_move_is_shown_and_repaired(
        self, first: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if not first:
            move_alias(WORSE)
        with monkeypatch.context() as patch:
            patch.setattr(Aliases, "_apply", lambda *_: None)
            move_alias(BETTER)
        history()
        before = "no version" if first else "version 1"
        assert capsys.readouterr().out.splitlines()[-1] == (
            "champion names version 2; its last move is unfinished: "
            f"the registry still has {before} until task=repair or the next move"
        )
        RepairTask(folders=[], tracking=SqliteTracking(), dry_run=True).run(Path())
        assert aliased_version() == (None if first else 1)
        RepairTask(folders=[], tracking=SqliteTracking()).run(Path())
        change = (
            "set the alias champion of sums to version 2: its last move is not in the registry yet"
        )
        out = capsys.readouterr().out
        assert f"would {change}" in out
        assert f"\n{change}\n" in out
        assert aliased_version() == 2

    def test_an_unknown_alias(self) -> None:
        move_alias(WORSE)
        with pytest.raises(
            AliasError,
            match=r"sums never had an alias 'champoin' \(did you mean 'champion'\?\)",
        ) as caught:
            history(alias="champoin")
        assert caught.value.remedy == "Aliases of sums: champion."
