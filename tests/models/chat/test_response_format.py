"""Structured responses: requested by schema, checked, corrected once."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest

from modelpact.errors import ModelConfigError
from modelpact.models.call_metadata import collect_metadata
from tests.support.chat_models import by_text, chat, fails
from tests.support.fake_chat_server import ChatServer, answer, status
from typed_chat_models import People, Person, Texts

PERSON = {"name": "string", "age": "long"}
ANN = '{"name": "Ann", "age": 41}'
ASKED = {
    "type": "json_schema",
    "json_schema": {
        "name": "answer",
        "strict": True,
        "schema": {
            "type": "object",
            "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
            "required": ["name", "age"],
            "additionalProperties": False,
        },
    },
}


def without_bounds(value: Any) -> Any:
    """Return a schema without the bounds of its numbers."""
    if isinstance(value, dict):
        return {
            key: without_bounds(item)
            for key, item in value.items()
            if key not in {"minimum", "maximum"}
        }
    return [without_bounds(item) for item in value] if isinstance(value, list) else value


def test_a_written_schema_is_requested_and_becomes_columns() -> None:
    with ChatServer(by_text({"b": answer('{"age": 7, "name": "Bob"}')}, answer(ANN))) as server:
        outputs = chat(server, response_format=PERSON).predict(["a", "b"])
    pd.testing.assert_frame_equal(outputs, pd.DataFrame({"name": ["Ann", "Bob"], "age": [41, 7]}))
    assert server.refusals == []
    asked = without_bounds(server.bodies[0]["response_format"])
    asked["json_schema"]["schema"]["required"].sort(reverse=True)
    assert asked == ASKED


def test_type_hints_are_requested_as_a_schema_and_a_list_is_returned() -> None:
    with ChatServer(answer(ANN)) as server:
        assert chat(server, People).predict(["a", "b"]) == [{"name": "Ann", "age": 41}] * 2
    asked = without_bounds(server.bodies[0]["response_format"])
    assert set(asked["json_schema"]["schema"]["properties"]) == set(Person.model_fields)
    assert server.refusals == []


def test_type_hints_of_strings_return_strings() -> None:
    with ChatServer(answer("[1]")) as server:
        assert chat(server, Texts).predict(["a", "b"]) == ["[1]", "[1]"]
    assert "response_format" not in server.bodies[0]


@pytest.mark.parametrize("written", [["string"], {"type": "text"}])
def test_a_string_format_sends_no_response_format(written: Any) -> None:
    with ChatServer(answer("plain")) as server:
        assert chat(server, response_format=written).predict("a").response[0] == "plain"
    assert "response_format" not in server.bodies[0]


@pytest.mark.parametrize(
    ("written", "text", "columns"),
    [
        ({"n?": "long"}, '{"n": null}', {"n": [None]}),
        ({"tags": ["string"]}, '{"tags": ["a"]}', {"tags": [["a"]]}),
        (
            {"who": PERSON},
            '{"who": {"name": "Ann", "age": 1}}',
            {"who": [{"name": "Ann", "age": 1}]},
        ),
        ({"scores": {"*": "double"}}, '{"scores": {"a": 0.5}}', {"scores": [{"a": 0.5}]}),
        (["double"], '{"value": 0.5}', {"response": [0.5]}),
        ([["string"]], '{"value": ["a", "b"]}', {"response": [["a", "b"]]}),
    ],
    ids=str,
)
def test_many_schemas_pass_a_strict_server(
    written: Any, text: str, columns: dict[str, Any]
) -> None:
    with ChatServer(answer(text)) as server:
        outputs = chat(server, response_format=written).predict("a")
    assert outputs.to_dict("list") == columns
    assert server.refusals == []
    assert server.bodies[0]["response_format"]["json_schema"]["strict"] is (
        written != {"scores": {"*": "double"}}
    )


@pytest.mark.parametrize("text", [f"```json\n{ANN}\n```", f"```\n{ANN}\n```\n", f"  {ANN}\n"])
def test_json_in_a_code_fence_is_parsed(text: str) -> None:
    with ChatServer(answer(text)) as server:
        assert chat(server, response_format=PERSON).predict("a").name[0] == "Ann"
        json_object = chat(
            server, response_format={"type": "json_object"}, system="Answer in JSON."
        )
        assert json.loads(json_object.predict("a").response[0]) == {"name": "Ann", "age": 41}
    assert server.count == 2


MISFITS = {
    "prose": ("Ann is 41.", "it is not valid JSON"),
    "cut off": (ANN[:15], "it is not valid JSON"),
    "another type": ('{"name": "Ann", "age": "old"}', "age"),
    "a missing key": ('{"name": "Ann"}', "age"),
    "a list": (f"[{ANN}]", "a JSON list, not an object"),
    "deep": ("[" * 100_000, "it is not valid JSON"),
    "nothing": ("", "it is not valid JSON"),
}


@pytest.mark.parametrize("name", MISFITS)
def test_a_mismatch_is_corrected_once(name: str) -> None:
    text, words = MISFITS[name]
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    with (
        ChatServer([answer(text, usage=usage), answer(ANN, usage=usage)]) as server,
        collect_metadata() as facts,
    ):
        assert chat(server, response_format=PERSON).predict("a").age[0] == 41
    assert server.count == 2
    question, first, complaint = server.bodies[1]["messages"]
    assert (question["content"], first) == ("a", {"role": "assistant", "content": text})
    assert complaint["role"] == "user"
    assert words in complaint["content"]
    assert '"additionalProperties": false' in complaint["content"]
    assert server.bodies[1]["response_format"] == server.bodies[0]["response_format"]
    (row,) = facts["rows"]
    assert (row["attempts"], row["prompt_tokens"], row["completion_tokens"]) == (2, 20, 10)


def test_a_second_mismatch_raises_with_its_reason() -> None:
    with ChatServer(answer("no")) as server:
        error = fails(chat(server, response_format=PERSON), ["a"])
    assert (error.reason, error.attempts, server.count) == ("format_mismatch", 2, 2)
    assert (
        "the response does not match the response format after 2 attempts: it is not valid JSON"
        in error.message
    )
    assert "Simplify model.response_format" in error.remedy


def test_a_single_value_without_its_wrapper_is_corrected() -> None:
    with ChatServer([answer("0.5"), answer('{"value": 0.5}')]) as server:
        assert chat(server, response_format=["double"]).predict("a").response[0] == 0.5
    assert "value" in server.bodies[1]["messages"][-1]["content"]


def test_a_response_that_was_cut_off_is_reported() -> None:
    with ChatServer(answer(ANN[:10], finish_reason="length")) as server:
        error = fails(chat(server, response_format=PERSON, max_tokens=5))
    assert "cut off at max_tokens" in error.message
    assert "raise model.max_tokens" in error.remedy


def test_a_mismatch_is_the_error_of_its_row() -> None:
    with ChatServer(
        lambda request: answer("no" if request.body["messages"][0]["content"] == "b" else ANN)
    ) as server:
        outputs = chat(server, response_format=PERSON, on_error="row").predict(["a", "b", "c"])
    assert outputs.name.tolist() == ["Ann", None, "Ann"]
    assert outputs.age.tolist() == [41, None, 41]
    assert outputs.error.isna().tolist() == [True, False, True]
    assert outputs.error[1].startswith("row 1: the response does not match")
    assert server.count == 4


def test_a_failure_during_the_correction_is_raised() -> None:
    with ChatServer([answer("no"), status(401)]) as server:
        error = fails(chat(server, response_format=PERSON))
    assert (error.reason, server.count) == ("unauthorized", 2)


@pytest.mark.parametrize("streamed", [False, True])
def test_json_object_is_sent_as_it_is(streamed: bool) -> None:
    with ChatServer(answer(ANN)) as server:
        model = chat(server, response_format={"type": "json_object"}, system="Answer in JSON.")
        text = "".join(model.predict_stream("a")) if streamed else model.predict("a").response[0]
    assert json.loads(text) == {"name": "Ann", "age": 41}
    assert server.bodies[0]["response_format"] == {"type": "json_object"}


def test_the_servers_message_about_a_format_is_shown() -> None:
    with ChatServer(answer(ANN)) as server:
        error = fails(chat(server, response_format={"type": "json_object"}))
    assert error.reason == "bad_request"
    assert "must contain the word 'json'" in error.message


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ({"name": "strng"}, "strng"),
        ("float64[-1]", "tensors"),
        ({"type": "jsonobject"}, "jsonobject"),
        (7, "response_format"),
    ],
)
def test_a_malformed_format_is_named_and_nothing_is_sent(written: Any, words: str) -> None:
    with (
        ChatServer() as server,
        pytest.raises(ModelConfigError, match=f"response_format: .*{words}|{words}"),
    ):
        chat(server, response_format=written).predict("a")
    assert server.count == 0


@pytest.mark.parametrize("kind", [People, Texts])
def test_type_hints_reject_an_error_column(kind: Any) -> None:
    with (
        ChatServer() as server,
        pytest.raises(ModelConfigError, match="on_error=row needs a DataFrame"),
    ):
        chat(server, kind, on_error="row").predict(["a"])
    assert server.count == 0
