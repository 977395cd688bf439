"""`experiment=chat` and chat models in Python, with and without a server."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from modelpact import publish
from modelpact.data import InlineData
from modelpact.errors import ChatError, ModelConfigError
from modelpact.loaders import CustomLoader
from modelpact.savers import CustomSaver
from modelpact.signers import ExplicitSigner
from modelpact.tracking import SqliteTracking
from modelpact.verifiers import CleanVerifier
from tests.support.chat_models import CALL, KEY, chat
from tests.support.commands import CommandRunner, modelpact
from tests.support.fake_chat_server import ChatServer, answer, echo, status
from tests.support.publishing import client, receipt, saved_statuses, steps, uri, versions

__all__ = ["modelpact"]  # the fixture

ROOT = Path(__file__).parents[2]
HELLO = [{"messages": [{"role": "user", "content": "Hello"}]}]


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable that the recipe names."""
    monkeypatch.setenv("LITELLM_MASTER_KEY", KEY)


def only_receipt() -> dict[str, Any]:
    """The receipt of the only run in this folder."""
    (path,) = Path().glob("outputs/*/*/receipt.json")
    return receipt(path.parent)


def closed_port() -> str:
    """An address without a listener."""
    with ChatServer() as server:
        return server.base_url


def everything_written() -> dict[str, bytes]:
    """Every file below the working folder."""
    return {str(path): path.read_bytes() for path in Path().rglob("*") if path.is_file()}


@pytest.mark.slow
def test_the_chat_experiment_publishes_version_1(modelpact: CommandRunner) -> None:
    with ChatServer(echo()) as server:
        ended = modelpact(
            "experiment=chat",
            f"model.base_url={server.base_url}",
            "saver.pip_requirements=[openai]",
        )
    assert ended.status == 0, ended.err
    assert ended.out.startswith("registered chat version 1; 5 of 5 checks passed")
    assert (
        only_receipt()["status"],
        only_receipt()["version"],
        only_receipt()["steps"]["model"],
    ) == ("ok", "1", "ChatModel")
    assert versions("chat") == [1]
    assert server.refusals == []
    assert {body["model"] for body in server.bodies} == {"demo"}
    assert {body["messages"][0]["content"] for body in server.bodies} == {"Answer in one sentence."}


@pytest.mark.slow
def test_the_registered_version_predicts_streams_and_accepts_params(
    modelpact: CommandRunner,
) -> None:
    with ChatServer(echo(), key=KEY) as server:
        ended = modelpact(
            "experiment=chat",
            f"model.base_url={server.base_url}",
            "saver.pip_requirements=[openai]",
        )
        assert ended.status == 0, ended.err
        before = server.count
        with SqliteTracking().open():
            adapter = CustomLoader().load("models:/chat/1")
            outputs = adapter.predict(HELLO, {"temperature": 0.75})
            assert "".join(adapter.predict_stream(HELLO)) == "Hello"
    assert outputs.prediction.response.tolist() == ["Hello"]
    assert outputs.metadata["rows"][0]["model"] == "demo"
    assert server.count == before + 2
    assert [body.get("temperature") for body in server.bodies[before:]] == [0.75, None]
    assert [name for name, content in everything_written().items() if KEY.encode() in content] == []


def test_a_missing_server_is_one_error_with_a_remedy(modelpact: CommandRunner) -> None:
    url = closed_port()
    ended = modelpact("experiment=chat", f"model.base_url={url}", "saver.pip_requirements=[openai]")
    assert ended.status == 1
    assert ended.out == ""
    assert ended.err.count("error: ") == 1
    assert "cannot connect to the server" in ended.err
    assert f"model demo at {url}" in ended.err
    assert (
        "Start the server, or set model.base_url (examples/litellm starts one in two commands)."
        in ended.err
    )
    assert "Traceback" not in ended.err
    assert only_receipt()["status"] == "failed"
    assert only_receipt()["stage"] == "predict"
    assert client().search_registered_models() == []
    assert saved_statuses() == []


def test_a_missing_key_is_one_error_that_names_the_variable(
    modelpact: CommandRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CHAT_KEY", raising=False)
    with ChatServer() as server:
        ended = modelpact(
            "experiment=chat", f"model.base_url={server.base_url}", "model.api_key=env:CHAT_KEY"
        )
    assert ended.status == 2
    assert "model.api_key: the variable CHAT_KEY is not set" in ended.err
    assert "export CHAT_KEY=..." in ended.err
    assert "Traceback" not in ended.err
    assert server.count == 0
    assert client().search_registered_models() == []


@pytest.mark.slow
def test_a_key_repeated_by_the_server_is_not_written_to_files(
    modelpact: CommandRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHAT_KEY", KEY)
    with ChatServer(key="another", repeats_key=True) as server:
        ended = modelpact(
            "experiment=chat", f"model.base_url={server.base_url}", "model.api_key=env:CHAT_KEY"
        )
    assert ended.status == 1
    assert (
        "the server rejected the API key: status 401: Incorrect API key provided: [redacted]"
        in ended.err
    )
    assert KEY not in ended.out + ended.err
    written = everything_written()
    assert any(name.endswith("traceback.txt") for name in written)
    assert [name for name, content in written.items() if KEY.encode() in content] == []


@pytest.mark.slow
def test_an_invalid_setting_is_rejected_before_any_request(modelpact: CommandRunner) -> None:
    with ChatServer() as server:
        ended = modelpact(
            "experiment=chat", f"model.base_url={server.base_url}", "model.temperature=9"
        )
        assert ended.status == 2
        assert "temperature" in ended.err
        assert (
            modelpact(
                "experiment=chat", f"model.base_url={server.base_url}", "+model.tempreature=1"
            ).status
            == 2
        )
    assert server.count == 0


@pytest.mark.slow
def test_a_configuration_file_configures_the_model(modelpact: CommandRunner) -> None:
    with ChatServer(echo()) as server:
        config = {
            "protocol": 1,
            "model": "from-file",
            "api_key": None,
            "base_url": server.base_url,
            "seed": 3,
            "timeout": 5,
        }
        Path("model_config.json").write_text(json.dumps(config, indent=2))
        options = (
            "saver.config_file=model_config.json",
            "model.model=null",
            "saver.pip_requirements=[openai]",
        )
        ended = modelpact("experiment=chat", *options)
        assert ended.status == 0, ended.err
        Path("model_config.json").write_text(json.dumps({**config, "sede": 3}, indent=2))
        broken = modelpact("experiment=chat", *options)
    assert {(body["model"], body["seed"]) for body in server.bodies} == {("from-file", 3)}
    assert broken.status == 2
    assert "model_config.json, line 8: unknown chat model setting 'sede'" in broken.err


@pytest.mark.slow
def test_run_py_publishes_the_chat_experiment() -> None:
    command = [
        sys.executable,
        str(ROOT / "run.py"),
        "experiment=chat",
        "saver.pip_requirements=[openai]",
    ]
    with ChatServer(echo()) as server:
        good = subprocess.run(
            [*command, f"model.base_url={server.base_url}"],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    assert (good.returncode, good.stderr) == (0, "")
    assert good.stdout.startswith("registered chat version 1")
    bad = subprocess.run(
        [*command, f"model.base_url={server.base_url}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (bad.returncode, bad.stdout) == (1, "")
    assert "Start the server, or set model.base_url" in bad.stderr
    assert bad.stderr.count("error: ") == 1
    assert versions("chat") == [1]


def parts(server: ChatServer | str, **changes: Any) -> dict[str, Any]:
    """The arguments of `publish` for a chat model."""
    called = {"role": "assistant", "tool_calls": [CALL]}
    weather = [{"role": "user", "name": "ann", "content": "Weather?"}, called]
    weather += [{"role": "tool", "tool_call_id": "call_1", "content": "sunny"}]
    call = {"id": "string", "type": "string", "function": {"name": "string", "arguments": "string"}}
    message = {
        "role": "string",
        "content?": "string",
        "name?": "string",
        "tool_call_id?": "string",
        "tool_calls?": [call],
    }
    signer = ExplicitSigner(
        inputs={"messages": [message]},
        outputs={"response": "string"},
        params={"temperature": "double = null"},
    )
    return steps(
        **{
            "data": InlineData(
                inputs=[*HELLO, {"messages": weather}], params={"temperature": 0.5}, test_size=0.0
            ),
            "model": chat(server),
            "signer": signer,
            "saver": CustomSaver(pip_requirements=["openai"]),
            "name": "chat",
            **changes,
        }
    )


@pytest.mark.slow
def test_a_chat_model_is_published_from_python_and_verified_in_a_clean_process() -> None:
    with ChatServer(answer("sunny")) as server:
        done = publish(**parts(server, verifier=CleanVerifier()))
    checks = {check.code: check.ok for check in done.checks}
    assert (done.version, checks) == (
        "1",
        {
            "SIGNATURE_STORED": True,
            "OUTPUTS_CONFORM": True,
            "ANSWERED": True,
            "SELF_CONTAINED": True,
            "SERVING_EXAMPLE": True,
        }
        | {"BREAKS_REFUSED": True},
    )
    assert server.refusals == []
    assert {tuple(message) for body in server.bodies for message in body["messages"]} <= {
        ("role", "content"),
        ("role", "content", "name"),
        ("role", "name", "content"),
        ("role", "tool_calls"),
        ("role", "tool_call_id", "content"),
        ("role", "content", "tool_call_id"),
    }


@pytest.mark.slow
def test_timeouts_do_not_change_the_job() -> None:
    from modelpact.registers import MlflowRegister

    with ChatServer() as server:
        reuse = {"register": MlflowRegister(if_exists="reuse")}
        first = publish(**parts(server, **reuse))
        again = publish(**parts(server, model=chat(server, timeout=7.0), **reuse))
        other = publish(**parts(server, model=chat(server, temperature=0.5), **reuse))
    assert (first.version, again.version, again.reused, other.version) == ("1", "1", True, "2")


@pytest.mark.parametrize(
    ("script", "reason"),
    [(status(401), "unauthorized"), (answer(None), "empty")],
)
def test_a_failing_server_registers_nothing(script: Any, reason: str, tmp_path: Path) -> None:
    with ChatServer(script) as server, pytest.raises(ChatError) as caught:
        publish(**parts(server), folder=tmp_path)
    assert caught.value.reason == reason
    assert receipt(tmp_path)["stage"] == "predict"
    assert versions() == []


def test_a_model_without_a_configuration_is_rejected() -> None:
    with ChatServer() as server, pytest.raises(ModelConfigError, match="model is not set"):
        publish(**parts(server, model=chat(server, model=None)))
    assert versions() == []


def test_mlflow_loads_the_version() -> None:
    import mlflow

    with ChatServer(echo()) as server:
        publish(**parts(server))
        mlflow.set_tracking_uri(uri())
        loaded = mlflow.pyfunc.load_model("models:/chat/1")
        assert loaded.predict(HELLO, params={"temperature": 1.0}).response.tolist() == ["Hello"]
    assert server.bodies[-1]["temperature"] == 1.0
