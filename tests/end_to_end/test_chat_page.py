"""The tables of docs/chat.md list what there is, in its order."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from modelpact.models.chat import ChatSettings
from modelpact.models.chat.attempt_errors import REASONS
from modelpact.models.chat.settings import REQUEST_PARAMS

PAGE = (Path(__file__).parents[2] / "docs" / "chat.md").read_text(encoding="utf-8")


def _table(head: str) -> list[list[str]]:
    """The cells of the rows under a head, without backticks."""
    body = PAGE.split(f"| {head} |", 1)[1].split("\n\n", 1)[0]
    return [
        [cell.strip().strip("`") for cell in line.strip("|").split(" | ")]
        for line in body.splitlines()[2:]
    ]


def test_the_settings_are_those_of_a_chat_model_with_their_defaults() -> None:
    listed = {
        name: yaml.safe_load(default) for name, default, _ in _table("setting | default | meaning")
    }
    assert listed == {name: field.default for name, field in ChatSettings.option_fields().items()}
    assert list(listed) == list(ChatSettings.option_fields())


def test_the_reasons_are_those_of_a_chat_error_each_with_a_remedy() -> None:
    rows = _table("`reason` | means | what to do")
    assert [row[0] for row in rows] == list(REASONS)
    assert all(means and remedy for _, means, remedy in rows)


def test_a_reason_names_the_settings_that_its_error_names() -> None:
    for reason, _, remedy in _table("`reason` | means | what to do"):
        assert set(re.findall(r"model\.(\w+)", REASONS[reason].remedy)) <= set(
            re.findall(r"\w+", f"{remedy} {reason}")
        ), reason


def test_the_params_are_those_that_a_call_may_set() -> None:
    sentence = PAGE.split("Params given to `predict`", 1)[1].split("as far as", 1)[0]
    assert tuple(re.findall(r"`(\w+)`", sentence)) == REQUEST_PARAMS
