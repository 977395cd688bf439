"""The tables of docs/chat.md are complete and in order."""

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


def test_settings_and_defaults_match_the_chat_model() -> None:
    listed = {
        name: yaml.safe_load(default) for name, default, _ in _table("setting | default | meaning")
    }
    assert listed == {name: field.default for name, field in ChatSettings.option_fields().items()}
    assert list(listed) == list(ChatSettings.option_fields())


def test_reasons_match_the_chat_error_and_have_remedies() -> None:
    rows = _table("`reason` | means | what to do")
    assert [row[0] for row in rows] == list(REASONS)
    assert all(means and remedy for _, means, remedy in rows)


def test_reasons_name_the_same_settings_as_their_errors() -> None:
    for reason, _, remedy in _table("`reason` | means | what to do"):
        assert set(re.findall(r"model\.(\w+)", REASONS[reason].remedy)) <= set(
            re.findall(r"\w+", f"{remedy} {reason}")
        ), reason


def test_params_match_the_request_params() -> None:
    sentence = PAGE.split("Params given to `predict`", 1)[1].split("as far as", 1)[0]
    assert tuple(re.findall(r"`(\w+)`", sentence)) == REQUEST_PARAMS
