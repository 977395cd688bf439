from __future__ import annotations

import datetime
import enum
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import BaseModel

from modelpact.errors import InputsError, ModelConfigError
from modelpact.models.chat.messages import build_messages, iter_rows, template_columns
from tests.support.chat_models import CALL, chat
from tests.support.fake_chat_server import ChatServer

HELLO = {"role": "user", "content": "Hello"}
CALLING = {"role": "assistant", "tool_calls": [CALL]}
RESULT = {"role": "tool", "tool_call_id": "call_1", "content": "sunny"}


class Role(enum.Enum):
    """A role."""

    USER = "user"


class Said(BaseModel):
    """A message as an object."""

    role: Role
    content: str
    name: str | None = None


class Asked(BaseModel):
    """A row as an object."""

    messages: list[Said]


class Filled(BaseModel):
    """A row for a template."""

    language: str
    text: str


@pytest.mark.parametrize(
    "row",
    [
        "Hello",
        {"text": "Hello"},
        {"messages": [HELLO]},
        {"messages": [HELLO], "id": 7},
        [HELLO],
        (HELLO,),
        np.array([HELLO], dtype=object),
        {"messages": np.array([HELLO], dtype=object)},
        [Said(role=Role.USER, content="Hello")],
        {"messages": [Said(role=Role.USER, content="Hello")]},
        Asked(messages=[Said(role=Role.USER, content="Hello")]),
        [{**HELLO, "name": None, "tool_calls": None, "tool_call_id": float("nan")}],
        [{**HELLO, "name": pd.NA, "tool_calls": []}],
        [{**HELLO, "tool_calls": np.array([], dtype=object)}],
    ],
)
def test_a_single_string_in_any_form_is_one_conversation(row: Any) -> None:
    assert build_messages(row, 0) == [HELLO]


def test_names_content_parts_and_tool_calls_are_kept() -> None:
    parts = [{"type": "text", "text": "Weather?"}]
    messages = [
        {"role": "user", "name": "ann", "content": parts},
        {**CALLING, "content": None},
        RESULT,
    ]
    expected = [{"role": "user", "name": "ann", "content": parts}, CALLING, RESULT]
    assert build_messages({"messages": messages}, 0) == expected
    calls = np.array([CALL], dtype=object)
    assert build_messages([HELLO, {"role": "assistant", "tool_calls": calls}, RESULT], 0) == [
        HELLO,
        CALLING,
        RESULT,
    ]


@pytest.mark.parametrize("role", ["system", "developer"])
def test_a_system_message_is_added_to_conversations_that_have_none(role: str) -> None:
    own = {"role": role, "content": "Shout."}
    assert build_messages("Hello", 0, system="Whisper.") == [
        {"role": "system", "content": "Whisper."},
        HELLO,
    ]
    assert build_messages([own, HELLO], 0, system="Whisper.") == [own, HELLO]


@pytest.mark.parametrize(
    "row", [{"language": "German", "text": "cat"}, Filled(language="German", text="cat")]
)
def test_a_template_is_filled_with_columns(row: Any) -> None:
    written = build_messages(row, 0, template="{{in}} {language}: {text}, {text}")
    assert written == [{"role": "user", "content": "{in} German: cat, cat"}]


def test_a_template_with_one_column_accepts_strings_and_does_not_change_messages() -> None:
    assert build_messages("cat", 0, template="Spell {word}")[0]["content"] == "Spell cat"
    assert build_messages([HELLO], 0, template="Spell {word}") == [HELLO]
    assert build_messages({"messages": [HELLO]}, 0, template="Spell {word}") == [HELLO]
    assert build_messages({"n": 3}, 0, template="{n} cats")[0]["content"] == "3 cats"


def test_braces_in_a_value_are_not_replaced() -> None:
    assert build_messages({"text": "{a} {"}, 0, template="say {text}")[0]["content"] == "say {a} {"


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (None, "messages are missing"),
        (float("nan"), "messages are missing"),
        (7, "messages are of type int"),
        ([], "messages are empty"),
        ({"messages": []}, "messages are empty"),
        ({"messages": float("nan")}, "messages are missing"),
        ({"text": None}, "text is missing"),
        ({"text": 3.5}, "text is of type float"),
        ({"text": "a", "other": "b"}, "it has the columns text, other"),
        ({"messages": None, "other": "b"}, "it has the columns messages, other"),
        (["Hello"], "messages.0 is of type str"),
        ([HELLO, None], "messages.1 is missing"),
        ([{"content": "x"}], "messages.0 has no role"),
        ([{"role": "usr", "content": "x"}], "messages.0 has the unknown role 'usr'.* 'user'"),
        ([HELLO, {"role": "user"}], "messages.1 has no content"),
        ([{"role": "user", "content": None}], "messages.0 has no content"),
        ([{"role": "user", "content": float("nan")}], "messages.0 has no content"),
        ([{"role": "user", "content": 5}], "content of messages.0 is of type int"),
        ([{"role": "assistant", "tool_calls": []}], "messages.0 has no content"),
        (
            [{"role": "user", "content": "x", "name": datetime.date(2026, 1, 1)}],
            "cannot be encoded as JSON",
        ),
        (
            [{"role": "user", "content": [{"type": "text", "text": float("nan")}]}],
            "cannot be encoded as JSON",
        ),
        ([{"role": "user", "content": "\ud800"}], "cannot be encoded as JSON"),
    ],
)
def test_a_malformed_row_is_named_and_nothing_is_sent(row: Any, words: str) -> None:
    with ChatServer() as server, pytest.raises(InputsError, match=f"^row 2: .*{words}") as caught:
        chat(server).predict(["Hello", "Hello", row, "Hello"])
    assert caught.value.row == 2
    assert server.count == 0


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"language": "German", "txt": "cat"}, "row 4: column 'text' is missing.*'txt'"),
        ({"language": "German", "text": None}, "row 4: column 'text' is missing"),
        ({"language": "German", "text": float("nan")}, "row 4: column 'text' is missing"),
        ("cat", "row 4: it is a single string, but the template needs language, text"),
    ],
)
def test_a_row_that_does_not_fit_the_template_is_named(row: Any, words: str) -> None:
    with pytest.raises(InputsError, match=words):
        build_messages(row, 4, template="{language}: {text}")


@pytest.mark.parametrize(
    "template",
    [
        "{text",
        "text}",
        "{}",
        "{0}",
        "{text.upper}",
        "{text[0]}",
        "{text!r}",
        "{text:.2f}",
        "{a:{b}}",
    ],
)
def test_a_malformed_template_is_rejected_on_construction(template: str) -> None:
    with pytest.raises(ModelConfigError, match="template: "):
        template_columns(template)
    with pytest.raises(ValueError, match="template: "):
        chat("http://localhost/v1", template=template)


def test_frames_lists_strings_and_arrays_have_rows() -> None:
    frame = pd.DataFrame({"text": ["a", "b"], "n": [1, 2]})
    assert list(iter_rows(frame)) == [{"text": "a", "n": 1}, {"text": "b", "n": 2}]
    assert list(iter_rows("a")) == ["a"]
    assert list(iter_rows({"text": "a"})) == [{"text": "a"}]
    assert list(iter_rows(np.array(["a", "b"]))) == ["a", "b"]
    assert list(iter_rows(pd.Series(["a", "b"]))) == ["a", "b"]
    assert list(iter_rows(("a", "b"))) == ["a", "b"]
    assert list(iter_rows([])) == []


def test_inputs_without_rows_are_rejected() -> None:
    with pytest.raises(InputsError, match="a DataFrame or a list, not int"):
        list(iter_rows(7))


def test_a_strict_server_accepts_all_message_forms() -> None:
    weather = [HELLO, {**CALLING, "content": None, "name": None}, {**RESULT, "tool_calls": None}]
    frame = pd.DataFrame(
        {"messages": [[HELLO], weather, np.array([{**HELLO, "name": "ann"}], dtype=object)]}
    )
    with ChatServer() as server:
        chat(server, system="Be brief.").predict(frame)
    assert server.refusals == []
    sent = sorted((body["messages"] for body in server.bodies), key=str)
    system = {"role": "system", "content": "Be brief."}
    assert sent == sorted(
        [[system, HELLO], [system, HELLO, CALLING, RESULT], [system, {**HELLO, "name": "ann"}]],
        key=str,
    )
