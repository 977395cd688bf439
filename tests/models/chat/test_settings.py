from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from modelpact.errors import InputsError, ModelConfigError, ModelConfigNotFound, SecretError
from modelpact.models import ChatModel
from modelpact.models.chat import ChatSettings
from tests.support.chat_models import KEY, chat, texts
from tests.support.fake_chat_server import ChatServer

ON_THE_WIRE = {
    "model": "other",
    "temperature": 0.25,
    "max_tokens": 7,
    "top_p": 0.5,
    "stop": ["a", "b"],
    "seed": 3,
    "frequency_penalty": -1.5,
    "presence_penalty": 1.5,
}
PARAMS = {name: value for name, value in ON_THE_WIRE.items() if name != "model"}
MESSAGES = [{"role": "user", "content": "Hello"}]


def written(content: Any, path: str = "model_config.json") -> Path:
    """Write an indented file."""
    Path(path).write_text(content if isinstance(content, str) else json.dumps(content, indent=2))
    return Path(path)


@pytest.mark.parametrize(("name", "value"), ON_THE_WIRE.items())
def test_a_setting_is_sent_under_its_name(name: str, value: Any) -> None:
    with ChatServer() as server:
        chat(server, **{name: value}).predict("Hello")
    assert server.bodies == [{"model": "gpt", "messages": MESSAGES, name: value}]


def test_no_further_settings_are_sent() -> None:
    with ChatServer() as server:
        chat(server).predict("Hello")
    assert server.bodies == [{"model": "gpt", "messages": MESSAGES}]


def test_all_settings_are_read_from_a_file() -> None:
    with ChatServer() as server:
        rest = {
            "system": "Be brief.",
            "template": "Say {it}",
            "extra_body": {"user": "ann"},
            "headers": {"X-Team": "env:KEY"},
        }
        model = ChatModel()
        model.load_context(
            written(
                {
                    "protocol": 1,
                    "api_key": "env:KEY",
                    "base_url": server.base_url,
                    **ON_THE_WIRE,
                    **rest,
                    "timeout": 3,
                }
            )
        )
        model.predict({"it": "hi"})
    (request,) = server.requests
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Say hi"}]
    assert request.body == {**ON_THE_WIRE, "messages": messages, "user": "ann"}
    assert request.headers["x-team"] == KEY
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert model.settings.timeout == 3.0


def test_a_response_format_of_the_api_is_sent() -> None:
    with ChatServer() as server:
        chat(server, response_format={"type": "text"}).predict("Hello")
        with pytest.raises(ModelConfigError):
            chat(server, response_format="text").predict("Hello")
    assert server.count == 1


@pytest.mark.parametrize(("name", "value"), PARAMS.items())
def test_a_param_overrides_its_setting_and_none_does_not(name: str, value: Any) -> None:
    configured: dict[str, Any] = {
        **PARAMS,
        "temperature": 1.0,
        "max_tokens": 99,
        "top_p": 0.1,
        "stop": "x",
        "seed": 9,
    }
    configured |= {"frequency_penalty": 0.5, "presence_penalty": 0.5}
    with ChatServer() as server:
        model = chat(server, **configured)
        model.predict("Hello", {name: value})
        model.predict("Hello", {name: None})
        model.predict("Hello", dict.fromkeys(PARAMS))
        model.predict("Hello", {"stop": []})
    plain = {"model": "gpt", "messages": MESSAGES, **configured}
    assert server.bodies == [{**plain, name: value}, plain, plain, plain]


def test_params_can_be_numpy_values() -> None:
    import numpy as np

    with ChatServer() as server:
        chat(server).predict(
            "Hello",
            {
                "temperature": np.float64(0.5),
                "max_tokens": np.int64(4),
                "stop": np.array(["a"], dtype=object),
            },
        )
    assert server.bodies == [
        {"model": "gpt", "messages": MESSAGES, "temperature": 0.5, "max_tokens": 4, "stop": ["a"]}
    ]
    assert type(server.bodies[0]["max_tokens"]) is int


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"temperature": "hot"}, "params.temperature: .*number"),
        ({"temperature": 2.5}, "params.temperature: .*less than or equal to 2"),
        ({"temperature": float("nan")}, "params.temperature: "),
        ({"temperature": True}, "params.temperature: "),
        ({"max_tokens": 0}, "params.max_tokens: .*greater than or equal to 1"),
        ({"max_tokens": 1.5}, "params.max_tokens: .*integer"),
        ({"top_p": 0.0}, "params.top_p: .*greater than 0"),
        ({"stop": 7}, "params.stop: "),
        ({"stop": list("abcde")}, "params.stop.* up to four"),
        ({"presence_penalty": -3}, "params.presence_penalty: "),
        ({"tempreature": 1.0}, "no param 'tempreature'"),
        ({"model": "other"}, "no param 'model'"),
        ({"api_key": KEY}, "no param 'api_key'"),
        ({"base_url": "http://elsewhere/v1"}, "no param 'base_url'"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_an_invalid_param_is_named_and_nothing_is_sent(
    params: dict[str, Any], words: str, stream: bool
) -> None:
    with ChatServer() as server, pytest.raises(InputsError, match=words) as caught:
        texts(chat(server), "Hello", params, streamed=stream)
    assert server.count == 0
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("config", [None, ""])
def test_a_missing_configuration_raises_a_value_error(config: Any) -> None:
    with pytest.raises(ValueError, match="no configuration") as caught:
        ChatModel().load_context(config)
    assert isinstance(caught.value, ModelConfigError)


def test_a_model_without_a_name_raises_at_the_first_call() -> None:
    with pytest.raises(ModelConfigError, match="model is not set"):
        ChatModel().predict("Hello")
    with pytest.raises(ModelConfigError, match="model is not set"):
        list(ChatModel().predict_stream("Hello"))


@pytest.mark.parametrize("kind", [str, Path])
def test_a_missing_file_is_a_file_not_found_error(kind: Any) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.json does not exist") as caught:
        ChatModel().load_context(kind("nowhere.json"))
    assert isinstance(caught.value, ModelConfigNotFound)


def test_broken_json_is_named_with_its_line() -> None:
    with pytest.raises(
        ModelConfigError, match=r"model_config.json, line 3, column 1: not valid JSON"
    ):
        ChatModel().load_context(written('{\n  "model": "gpt"\n  "seed": 1\n}'.replace("  ", "")))


def test_a_list_is_rejected_as_a_configuration() -> None:
    with pytest.raises(ModelConfigError, match="contains a list"):
        ChatModel().load_context(written("[]"))


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("tempreature", 0.5, "unknown chat model setting 'tempreature'.*'temperature'"),
        ("temperature", "hot", "temperature: .*number"),
        ("temperature", 3, "temperature: .*less than or equal to 2"),
        ("max_tokens", 0, "max_tokens: "),
        ("max_tokens", 1.5, "max_tokens: "),
        ("stop", list("abcde"), "stop accepts up to four strings"),
        ("stop", [1], "stop.*string"),
        ("timeout", 0, "timeout: "),
        ("on_error", "rows", "on_error: "),
        ("model", "", "model: "),
        ("template", "{", "template: "),
        ("base_url", "localhost:4000", "base_url is not a URL"),
        ("base_url", "ftp://localhost", "base_url is not a URL"),
        ("base_url", "http://localhost:99999/v1", "base_url is not a URL"),
        ("extra_body", {"temperature": 1}, "extra_body: temperature cannot be set"),
        ("extra_body", {"stream": True}, "extra_body: stream cannot be set"),
        ("fallbacks", [{"modle": "x"}], r"fallbacks\.0\.modle: .*'model'"),
        ("fallbacks", [{"temperature": 1}], r"fallbacks\.0 sets neither"),
        (
            "fallbacks",
            [{"model": "x", "temperature": 9}],
            r"fallbacks\.0\.temperature: .*less than or equal to 2$",
        ),
        ("fallbacks", [{"model": "x"}, {"model": 7}], r"fallbacks\.1\.model: .*string$"),
        (
            "fallbacks",
            [{"base_url": "http://other/v1"}],
            r"fallbacks\.0 is on another server and needs its own api_key",
        ),
        (
            "fallbacks",
            [{"base_url": "here", "api_key": None}],
            r"fallbacks\.0.*base_url is not a URL",
        ),
        ("protocol", 2, "protocol is 2, but this release reads 1"),
        ("protocol", "1", "protocol is '1', but this release reads 1"),
    ],
)
def test_an_invalid_key_is_named_with_file_and_line(key: str, value: Any, words: str) -> None:
    content = (
        {"seed": 1, key: value, "top_p": 0.5}
        if key == "model"
        else {"model": "gpt", key: value, "top_p": 0.5}
    )
    model = ChatModel()
    with pytest.raises(ModelConfigError, match=f"model_config.json, line 3: {words}") as caught:
        model.load_context(written(content))
    assert caught.value.line == 3
    assert caught.value.path == "model_config.json"
    assert "Value error" not in str(caught.value)
    assert "pydantic" not in str(caught.value)
    assert (model.context, model.settings) == ({}, model)


def test_several_invalid_keys_are_reported_together() -> None:
    with pytest.raises(ModelConfigError, match=r"temperature: .*; max_tokens: "):
        ChatModel().load_context({"temperature": 9, "max_tokens": 0})


def test_a_key_name_within_a_value_is_not_mistaken_for_the_key() -> None:
    with pytest.raises(ModelConfigError, match="line 3: seed"):
        ChatModel().load_context(written({"model": "seed", "seed": "x"}))


SECRETS = [
    {"api_key": KEY},
    {"api_key": "hunter2"},
    {"headers": {"X-Team": "hunter2"}},
    {"headers": {"Authorization": f"Bearer {KEY}"}},
    {"base_url": f"https://user:{KEY}@localhost/v1"},
    {"base_url": f"https://localhost/v1?api_key={KEY}"},
    {"extra_body": {"api_key": KEY}},
    {"system": f"The key is {KEY}"},
    {"fallbacks": [{"model": "x", "api_key": KEY}]},
    {"fallbacks": [{"model": "x", "headers": {"X-Team": KEY}}]},
]


@pytest.mark.parametrize("given", SECRETS, ids=str)
def test_a_literal_key_is_rejected_and_not_repeated(given: dict[str, Any]) -> None:
    model = ChatModel()
    with pytest.raises(SecretError) as caught:
        model.load_context(written({"model": "gpt", **given}))
    assert str(caught.value).startswith("model_config.json, line 3: ")
    for error in (caught.value, caught.value.__cause__, caught.value.__context__):
        assert KEY not in f"{error!s}{error!r}"
        assert "hunter2" not in f"{error!s}{error!r}"
    assert model.context == {}
    with pytest.raises(SecretError):
        ChatModel(**given)


def test_invalid_values_are_not_repeated() -> None:
    with pytest.raises(ValidationError) as caught:
        ChatModel(temperature=KEY, model=7)  # type: ignore[arg-type]
    assert KEY not in f"{caught.value!s}{caught.value!r}"
    with pytest.raises(ModelConfigError) as other:
        ChatModel().load_context({"temperature": KEY})
    assert KEY not in f"{other.value!s}{other.value!r}"


def test_a_file_overrides_its_keys_and_the_next_one_replaces_it() -> None:
    model = ChatModel(model="gpt", temperature=0.5, seed=1)
    model.load_context({"temperature": 1.0, "top_p": 0.5})
    assert (model.settings.temperature, model.settings.top_p, model.settings.seed) == (1.0, 0.5, 1)
    model.load_context({"protocol": 1, "seed": 2})
    assert (model.settings.temperature, model.settings.top_p, model.settings.seed) == (0.5, None, 2)
    assert model.context == {"protocol": 1, "seed": 2}


def test_timeouts_and_limits_are_not_part_of_the_identity() -> None:
    one = ChatModel(model="gpt", timeout=1.0, max_concurrency=3)
    assert one.identity() == ChatModel(model="gpt").identity()
    assert one.identity() != ChatModel(model="gpt", seed=1).identity()


def test_the_endpoints_follow_from_the_settings() -> None:
    settings = ChatSettings(
        model="a",
        api_key="env:KEY",
        temperature=0.5,
        headers={"X-Team": "env:TEAM"},
        fallbacks=[
            {"model": "b", "temperature": None},
            {"base_url": "http://other/v1", "api_key": "env:OTHER"},
            {
                "base_url": "http://open/v1",
                "model": "c",
                "api_key": None,
                "headers": {"X-Other": "env:OTHER"},
            },
        ],
    )
    found = [
        (one.model, one.base_url, one.api_key, dict(one.headers), dict(one.request))
        for one in settings.endpoints()
    ]
    openai, team = "https://api.openai.com/v1", {"X-Team": "env:TEAM"}
    assert found == [
        ("a", openai, "env:KEY", team, {"temperature": 0.5}),
        ("b", openai, "env:KEY", team, {}),
        ("a", "http://other/v1", "env:OTHER", {}, {"temperature": 0.5}),
        ("c", "http://open/v1", None, {"X-Other": "env:OTHER"}, {"temperature": 0.5}),
    ]
