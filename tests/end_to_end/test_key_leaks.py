"""A key is written nowhere, however it is configured; insecure ways are rejected."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import CommandResult, CommandRunner, modelpact
from tests.support.fake_chat_server import ChatServer, answer
from tests.support.many_cases import sample_params

__all__ = ["modelpact"]  # the fixture

CANARY = "sk-" + "canary-5f2c9e71b0d84a36"
"""The key that no file may contain."""


@pytest.fixture
def server() -> Iterator[ChatServer]:
    """A server that requires the key and repeats a wrong one in its response."""
    with ChatServer(answer("A promise."), key=CANARY, repeats_key=True) as server:
        yield server


def chat(server: ChatServer, *arguments: str) -> tuple[str, ...]:
    return ("experiment=chat", f"model.base_url={server.base_url}", *arguments)


def files_with_key() -> list[str]:
    """Return every file below the working folder that contains the key or half of it."""
    halves = (CANARY.encode(), CANARY[10:].encode(), CANARY[:18].encode())
    files = [path for path in Path.cwd().rglob("*") if path.is_file()]
    return [
        str(path.relative_to(Path.cwd()))
        for path in files
        if any(half in path.read_bytes() for half in halves)
    ]


def hides_key(ended: CommandResult) -> bool:
    return CANARY[3:] not in ended.out + ended.err and CANARY[10:] not in ended.out + ended.err


@pytest.mark.slow
@pytest.mark.parametrize("multirun", [(), ("-m", "seed=1,2")], ids=["run", "sweep"])
def test_a_key_in_a_variable_works_and_is_not_written(
    multirun: tuple[str, ...],
    server: ChatServer,
    modelpact: CommandRunner,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CHAT_KEY", CANARY)
    ended = modelpact(
        *multirun,
        *chat(server, "model.api_key=env:CHAT_KEY", "model.headers={X-Team: 'env:CHAT_KEY'}"),
    )
    assert ended.status == 0, ended.err
    assert server.count > 0
    assert server.refusals == []
    assert (
        len(list(Path().rglob("MLmodel")))
        == len(list(Path().rglob("receipt.json")))
        == max(1, len(multirun))
    )
    assert files_with_key() == []
    assert hides_key(ended)


@pytest.mark.parametrize("multirun", [(), ("-m", "seed=1,2")], ids=["run", "sweep"])
@pytest.mark.parametrize(
    "given",
    [
        f"model.api_key={CANARY}",
        f"model.headers={{X-Api-Key: {CANARY}}}",
        f"model.base_url=http://user:{CANARY}@127.0.0.1:9/v1",
        f"model.base_url=http://127.0.0.1:9/v1?api_key={CANARY}",
        f"model.fallbacks=[{{model: other, api_key: {CANARY}}}]",
    ],
    ids=["key", "header", "userinfo", "query", "fallback"],
)
def test_a_key_on_the_command_line_is_rejected(
    given: str, multirun: tuple[str, ...], server: ChatServer, modelpact: CommandRunner
) -> None:
    ended = modelpact(*multirun, *chat(server, given))
    assert ended.status == 2
    assert given.partition("=")[0] in ended.err
    assert "env:" in ended.err
    assert server.count == 0
    assert files_with_key() == []
    assert hides_key(ended)


@pytest.mark.parametrize(
    "shown", sample_params(["--cfg=job", "--cfg=all", "--info=config", "--info=all"], every=3)
)
@pytest.mark.slow
def test_a_key_in_yaml_is_not_printed(
    shown: str, modelpact: CommandRunner, tmp_path_factory: pytest.TempPathFactory
) -> None:
    own = tmp_path_factory.mktemp("own")
    (own / "model").mkdir()
    written = {"defaults": ["chat"], "api_key": CANARY, "base_url": f"http://ann:{CANARY}@host/v1"}
    (own / "model" / "mine.yaml").write_text(json.dumps(written))
    ended = modelpact("--config-dir", str(own), "model=mine", *shown.split("="))
    assert hides_key(ended)
    assert files_with_key() == []
    assert (ended.status == 2) == shown.startswith("--cfg")


def test_a_key_in_yaml_is_rejected(
    server: ChatServer, modelpact: CommandRunner, tmp_path_factory: pytest.TempPathFactory
) -> None:
    own = tmp_path_factory.mktemp("own")
    (own / "experiment").mkdir()
    recipe = f"# @package _global_\ndefaults:\n  - chat\n  - _self_\nmodel:\n  api_key: {CANARY}\n"
    (own / "experiment" / "mine.yaml").write_text(recipe)
    ended = modelpact(
        "--config-dir", str(own), "experiment=mine", f"model.base_url={server.base_url}"
    )
    assert ended.status == 2, ended.err
    assert "model.api_key" in ended.err
    assert server.count == 0
    assert files_with_key() == []
    assert hides_key(ended)


def test_a_key_in_json_is_rejected(
    server: ChatServer, modelpact: CommandRunner, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("own") / "model_config.json"
    file.write_text(
        json.dumps({"protocol": 1, "model": "demo", "api_key": CANARY, "base_url": server.base_url})
    )
    ended = modelpact(*chat(server, f"saver.config_file={file}"))
    assert ended.status == 2, ended.err
    assert "api_key" in ended.err
    assert file.name in ended.err
    assert server.count == 0
    assert files_with_key() == []
    assert hides_key(ended)


@pytest.mark.slow
def test_a_wrong_key_repeated_by_the_server_is_not_written(
    server: ChatServer, modelpact: CommandRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = CANARY.replace("5f2c", "0000")
    monkeypatch.setenv("CHAT_KEY", wrong)
    ended = modelpact(*chat(server, "model.api_key=env:CHAT_KEY"))
    assert ended.status == 1
    assert "rejected the API key" in ended.err
    assert wrong[3:] not in ended.out + ended.err
    assert [
        path
        for path in Path.cwd().rglob("*")
        if path.is_file() and wrong.encode() in path.read_bytes()
    ] == []
