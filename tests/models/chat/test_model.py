"""Saved chat models: files, contract, streams and configuration."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mlflow
import pytest
from pydantic import ValidationError

from modelpact.errors import (
    ChatError,
    InputsError,
    ModelConfigError,
    ModelConfigNotFound,
    PredictError,
    SecretError,
)
from modelpact.loaders import Adapter, CustomLoader
from modelpact.models import ChatModel
from modelpact.savers import CustomSaver
from modelpact.signature import from_predict, parse
from modelpact.tracking import SqliteTracking
from tests.support.chat_models import CALL, KEY, by_text, chat
from tests.support.fake_chat_server import ChatServer, answer, echo, status, stream
from typed_chat_models import People

CONTRACT = {
    "inputs": {
        "messages": [
            {
                "role": "string",
                "content?": "string",
                "name?": "string",
                "tool_call_id?": "string",
                "tool_calls?": [
                    {
                        "id": "string",
                        "type": "string",
                        "function": {"name": "string", "arguments": "string"},
                    }
                ],
            }
        ]
    },
    "outputs": {"response": "string"},
    "params": {
        "temperature": "double = null",
        "max_tokens": "long = null",
        "stop": "[string] = []",
    },
}
HELLO = [{"messages": [{"role": "user", "content": "Hello"}]}]
MANY = [{"messages": [{"role": "user", "content": f"row {number}"}]} for number in range(4)]
Saving = Callable[..., Adapter]


@pytest.fixture(autouse=True)
def store() -> Iterator[None]:
    """An open store."""
    with SqliteTracking().open():
        yield


@pytest.fixture
def saved() -> Saving:
    """Save a model and load it again."""

    def save(model: ChatModel, contract: dict[str, Any] | None = None, **options: Any) -> Adapter:
        saver = CustomSaver(**{"pip_requirements": ["openai"], **options})
        info = saver.save(model, parse(CONTRACT if contract is None else contract), HELLO)
        return CustomLoader().load(info.model_uri)

    return save


def test_predictions_conform_to_the_contract(saved: Saving) -> None:
    with ChatServer(echo()) as server:
        outputs = saved(chat(server)).predict(MANY, {"temperature": 1, "stop": ["x"]})
    assert outputs.prediction.response.tolist() == [f"row {number}" for number in range(4)]
    assert [row["attempts"] for row in outputs.metadata["rows"]] == [1] * 4
    assert {row["model"] for row in outputs.metadata["rows"]} == {"gpt"}
    bodies = sorted(server.bodies, key=str)
    assert bodies[0] == {
        "model": "gpt",
        "messages": MANY[0]["messages"],
        "temperature": 1.0,
        "stop": ["x"],
    }


def test_null_params_fall_back_to_the_settings(saved: Saving) -> None:
    with ChatServer() as server:
        adapter = saved(chat(server, temperature=0.25, stop=["y"]))
        adapter.predict(HELLO)
        adapter.predict(HELLO, {"temperature": None, "max_tokens": 5})
    assert [
        (body["temperature"], body["stop"], body.get("max_tokens")) for body in server.bodies
    ] == [
        (0.25, ["y"], None),
        (0.25, ["y"], 5),
    ]


@pytest.mark.parametrize(
    "params",
    [
        {"temperature": "hot"},
        {"temperature": 3.0},
        {"max_tokens": 0},
        {"max_tokens": 1.5},
        {"tempreature": 1.0},
    ],
)
def test_an_invalid_param_is_rejected_before_any_request(
    params: dict[str, Any], saved: Saving
) -> None:
    with ChatServer() as server:
        adapter = saved(chat(server))
        with pytest.raises(InputsError, match=next(iter(params))):
            adapter.predict(HELLO, params)
    assert server.count == 0


def test_conversations_with_tools_pass_through_mlflow_unchanged(saved: Saving) -> None:
    called = {"role": "assistant", "tool_calls": [CALL]}
    result = {"role": "tool", "tool_call_id": "call_1", "content": "sunny"}
    rows: list[Any] = [*HELLO, {"messages": [*HELLO[0]["messages"], called, result]}]
    with ChatServer() as server:
        adapter = saved(chat(server))
        adapter.predict(rows)
        adapter.pyfunc.predict(rows)
    assert server.refusals == []
    sent = sorted((body["messages"] for body in server.bodies), key=len)
    assert sent == [rows[0]["messages"]] * 2 + [rows[1]["messages"]] * 2


def test_an_error_column_must_be_in_the_contract(saved: Saving) -> None:
    outputs = {"response?": "string", "error?": "string"}
    with ChatServer(by_text({"row 2": status(401)})) as server:
        found = saved(chat(server, on_error="row"), {**CONTRACT, "outputs": outputs}).predict(MANY)
    assert found.prediction.response.tolist() == ["row 0", "row 1", None, "row 3"]
    assert found.prediction.error[2].startswith("row 2: the server rejected the API key")
    assert found.metadata["rows"][2] == {"error": "unauthorized", "attempts": 1, "status": 401}


def test_a_failed_row_raises_a_chat_error_through_the_adapter(saved: Saving) -> None:
    with ChatServer(status(401)) as server:
        adapter = saved(chat(server))
        with pytest.raises(PredictError, match="status 401") as caught:
            adapter.predict(HELLO)
    assert isinstance(caught.value, ChatError)
    assert caught.value.row == 0


class TestStreams:
    """Streams through the adapter and through MLflow."""

    def test_the_adapter_streams(self, saved: Saving) -> None:
        with ChatServer(stream(["a ", "b ", "c"])) as server:
            pieces = list(saved(chat(server)).predict_stream(HELLO, {"temperature": 0.5}))
        assert pieces == ["a ", "b ", "c"]
        assert server.bodies[0]["temperature"] == 0.5

    def test_mlflow_predict_stream_yields_text(self, saved: Saving) -> None:
        with ChatServer(stream(["a ", "b ", "c"])) as server:
            adapter = saved(chat(server))
            assert list(mlflow.pyfunc.load_model(adapter.uri).predict_stream(HELLO)) == [
                "a ",
                "b ",
                "c",
            ]
        assert server.count == 1

    def test_invalid_inputs_are_rejected_before_any_request(self, saved: Saving) -> None:
        with ChatServer() as server:
            adapter = saved(chat(server))
            for inputs, params in (
                (MANY, None),
                ([{"text": "a"}], None),
                (HELLO, {"temperature": "hot"}),
            ):
                with pytest.raises(InputsError):
                    list(adapter.predict_stream(inputs, params))
        assert server.count == 0

    def test_a_broken_stream_raises_a_chat_error(self, saved: Saving) -> None:
        with (
            ChatServer(stream(list("abcdef"), broken="cut")) as server,
            pytest.raises(ChatError, match="connection was lost"),
        ):
            list(saved(chat(server)).predict_stream(HELLO))


class TestFiles:
    """The files of a saved model."""

    def test_a_saved_model_contains_no_pickle_key_or_path(
        self, saved: Saving, tmp_path: Path
    ) -> None:
        config = tmp_path / "model_config.json"
        config.write_text(
            json.dumps(
                {"protocol": 1, "api_key": "env:KEY", "seed": 3, "headers": {"X-Team": "env:KEY"}}
            )
        )
        with ChatServer(key=KEY) as server:
            model = chat(server)
            adapter = saved(model, config_file=str(config))
            adapter.predict(HELLO)
            again = saved(model, config_file=str(config))
        files = [
            path
            for folder in (adapter.folder, again.folder)
            for path in folder.rglob("*")
            if path.is_file()
        ]
        assert [
            path for path in files if path.suffix in {".pkl", ".pickle", ".joblib", ".pyc"}
        ] == []
        for path in files:
            content = path.read_bytes()
            assert KEY.encode() not in content, path
            assert str(tmp_path).encode() not in content, path
        stored = json.loads((adapter.folder / "artifacts/config.json").read_text())
        assert stored["context"]["api_key"] == "env:KEY"
        assert stored["class"] == "modelpact.models.chat.model:ChatModel"
        assert (
            list((adapter.folder / "artifacts/state").iterdir()) == []
            if (adapter.folder / "artifacts/state").exists()
            else True
        )

    @pytest.mark.slow
    def test_openai_is_among_the_requirements(self, saved: Saving) -> None:
        import openai

        with ChatServer() as server:
            adapter = saved(chat(server), pip_requirements=None)
        lines = (adapter.folder / "requirements.txt").read_text().splitlines()
        assert f"openai=={openai.__version__}" in lines

    def test_a_malformed_file_raises_before_anything_is_saved(self, saved: Saving) -> None:
        Path("broken.json").write_text('{"tempreature": 1}')
        with pytest.raises(
            ModelConfigError,
            match=r"broken\.json, line 1: unknown chat model setting 'tempreature'",
        ):
            saved(ChatModel(model="gpt"), config_file="broken.json")
        with pytest.raises(ModelConfigNotFound, match=r"nowhere\.json"):
            saved(ChatModel(model="gpt"), config_file="nowhere.json")


class TestConfigurations:
    """Overrides of the configuration of a saved model."""

    def test_mlflows_model_config_overrides_settings(self, saved: Saving) -> None:
        with ChatServer(answer("first")) as server, ChatServer(answer("other"), key=KEY) as other:
            adapter = saved(chat(server, temperature=0.5))
            changed = {"base_url": other.base_url, "api_key": "env:KEY", "seed": 3}
            loaded = mlflow.pyfunc.load_model(adapter.uri, model_config=changed)
            assert loaded.predict(HELLO).response.tolist() == ["other"]
            assert adapter.predict(HELLO).prediction.response.tolist() == ["first"]
        assert (server.count, other.count) == (1, 1)
        assert (other.bodies[0]["temperature"], other.bodies[0]["seed"]) == (0.5, 3)

    def test_a_literal_key_in_the_file_is_rejected(self, saved: Saving) -> None:
        with ChatServer() as server:
            adapter = saved(chat(server))
            with pytest.raises(SecretError) as caught:
                mlflow.pyfunc.load_model(adapter.uri, model_config={"api_key": KEY})
        assert KEY not in str(caught.value)

    def test_the_adapter_accepts_a_file_and_a_dict(self, saved: Saving) -> None:
        with ChatServer(answer("first")) as server, ChatServer(answer("other")) as other:
            adapter = saved(chat(server))
            Path("other.json").write_text(json.dumps({"protocol": 1, "base_url": other.base_url}))
            adapter.load_context("other.json")
            assert adapter.predict(HELLO).prediction.response[0] == "other"
            adapter.load_context({"base_url": server.base_url})
            assert adapter.predict(HELLO).prediction.response[0] == "first"
            with pytest.raises(ModelConfigNotFound):
                adapter.load_context("nowhere.json")
            with pytest.raises(ModelConfigError, match="no configuration"):
                adapter.load_context(None)

    def test_the_loader_accepts_a_file(self, saved: Saving) -> None:
        with ChatServer(answer("first")) as server, ChatServer(answer("other")) as other:
            adapter = saved(chat(server))
            Path("other.json").write_text(json.dumps({"base_url": other.base_url}))
            loaded = CustomLoader(config_file="other.json").load(adapter.uri)
            assert loaded.predict(HELLO).prediction.response[0] == "other"
        assert server.count == 0

    @pytest.mark.slow
    def test_a_clean_process(self, saved: Saving, tmp_path: Path) -> None:
        with ChatServer(answer("ok"), key=KEY) as server:
            first, second = in_a_clean_process(saved(chat(server, api_key="env:LATER")), tmp_path)
        assert first == "{'response': ['ok']} ['ok']"
        assert "/artifacts/code/_modelpact_" in second

    @pytest.mark.exhaustive
    def test_a_clean_process_with_another_server(self, saved: Saving, tmp_path: Path) -> None:
        with ChatServer(answer("other"), key=KEY) as other:
            config = {"base_url": other.base_url, "api_key": "env:LATER"}
            first, _ = in_a_clean_process(saved(chat("http://127.0.0.1:9/v1")), tmp_path, config)
        assert first == "{'response': ['other']} ['other']"


ASKING = """
import json, sys, mlflow
sys.modules['modelpact'] = None  # as if it were not installed
path, config, rows = sys.argv[1], *map(json.loads, sys.argv[2:])
model = mlflow.pyfunc.load_model(path, model_config=config)
print(model.predict(rows).to_dict('list'), list(model.predict_stream(rows)))
bundled = [name for name in sys.modules if name.startswith('_modelpact_')]
print(sys.modules[bundled[0]].__file__)
"""


def in_a_clean_process(
    adapter: Adapter, folder: Path, config: dict[str, Any] | None = None
) -> list[str]:
    """Return the output of a process without modelpact; its variable LATER is the key."""
    script = folder / "elsewhere" / "ask.py"
    script.parent.mkdir()
    script.write_text(ASKING)
    command = [
        sys.executable,
        "-P",
        str(script),
        str(adapter.folder),
        json.dumps(config),
        json.dumps(HELLO),
    ]
    environment = {**os.environ, "LATER": KEY}
    done = subprocess.run(
        command,
        cwd=script.parent,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert KEY not in done.stdout + done.stderr
    return done.stdout.splitlines()


def test_the_type_hints_of_a_subclass_are_its_signature(saved: Saving) -> None:
    from mlflow.models import ModelSignature

    with ChatServer(answer('{"name": "Ann", "age": 41}')) as server:
        model = chat(server, People)
        inputs, outputs = from_predict(People.predict)
        saver = CustomSaver(pip_requirements=["openai"])
        info = saver.save(model, ModelSignature(inputs=inputs, outputs=outputs), ["who?"])
        adapter = CustomLoader().load(info.model_uri)
        assert adapter.predict(["who?", "and who?"]).prediction == [{"name": "Ann", "age": 41}] * 2
    assert server.refusals == []


def test_an_invalid_option_is_named() -> None:
    with pytest.raises(ValidationError, match="tempreature"):
        ChatModel(model="gpt", tempreature=1.0)  # type: ignore[call-arg]
