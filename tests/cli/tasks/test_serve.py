"""`task=serve` in a separate process: behaviour that needs a socket. The tests share one server; the last one stops it."""

from __future__ import annotations

import concurrent.futures
import json
import re
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from modelpact.loaders import Adapter
from tests.support import served_models
from tests.support.commands import CommandRunner, modelpact
from tests.support.model_fixtures import make_adapter, scripted
from tests.support.serving_process import ServerProcess, start_server

__all__ = ["make_adapter", "modelpact", "scripted"]  # the fixtures

CANARY = "CANARY-5f3a"
ONE = {"inputs": [{"do": "answer", "n": 1}]}


@pytest.fixture(scope="module")
def server(
    make_adapter: Callable[..., Adapter], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServerProcess]:
    """A scripted model, with low limits."""
    limits = ("task.max_bytes=100000", "task.body_timeout=0.7", "task.timeout=3", "task.grace=10")
    with start_server(
        make_adapter(served_models.scripted).folder, tmp_path_factory.mktemp("served"), *limits
    ) as running:
        yield running


def post(server: ServerProcess, body: Any, path: str = "/predict") -> httpx2.Response:
    """The response to one request."""
    return httpx2.post(server.url + path, json=body, timeout=20)


def head(length: str, path: str = "/predict") -> bytes:
    """The head of a request."""
    return f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n{length}\r\n\r\n".encode()


def reply(connection: socket.socket) -> tuple[int, dict[str, Any]]:
    """The response on a connection, which the server then closes."""
    text = b""
    while piece := connection.recv(65536):
        text += piece
    top, _, body = text.partition(b"\r\n\r\n")
    assert b"connection: close" in top.lower()
    return int(top.split()[1]), json.loads(body)


def under_way(server: ServerProcess) -> int:
    """How many requests it works on."""
    found: int = httpx2.get(f"{server.url}/health", timeout=20).json()["in_progress"]
    return found


def wait_until_idle(server: ServerProcess) -> None:
    end = time.monotonic() + 15
    while under_way(server):
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.slow
def test_predicts_over_http(server: ServerProcess) -> None:
    assert post(server, ONE).json()["prediction"] == [1.0]
    assert httpx2.get(f"{server.url}/docs", timeout=20).status_code == 200


@pytest.mark.slow
def test_408_if_the_body_does_not_arrive(server: ServerProcess) -> None:
    with server.connect() as connection:
        connection.sendall(head("content-length: 1000") + b'{"inputs": [' + CANARY.encode())
        status, body = reply(connection)
    assert (status, body["error_code"]) == (408, "BODY_TOO_SLOW")


def test_413_immediately_if_the_content_length_is_too_large(server: ServerProcess) -> None:
    with server.connect() as connection:
        connection.sendall(head("content-length: 100001"))
        assert reply(connection)[0] == 413


@pytest.mark.slow
def test_413_while_the_body_is_sent(server: ServerProcess) -> None:
    """Its length is unknown; it is neither read completely nor stored."""
    before = memory(server)
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    for size, polite in (
        (10, True),
        (1000, False),
    ):  # one that stops when it is scripted to, and one that does not
        sent = 0
        with server.connect() as connection:
            connection.sendall(head("transfer-encoding: chunked"))
            try:
                while sent < size * len(chunk):
                    connection.sendall(chunk)
                    sent += len(chunk)
            except OSError:  # the server hung up
                assert not polite
            if polite:
                status, body = reply(connection)
                assert (status, body["error_code"]) == (413, "BODY_TOO_LARGE")
        assert sent < 20_000_000
    assert memory(server) - before < 30_000_000


def test_a_client_that_reads_after_sending_receives_413(server: ServerProcess) -> None:
    response = httpx2.post(
        f"{server.url}/predict",
        content=b" " * 900_000,
        headers={"content-type": "application/json"},
        timeout=20,
    )
    assert response.json()["error_code"] == "BODY_TOO_LARGE"


def memory(server: ServerProcess) -> int:
    """Bytes that its process has in memory."""
    text = Path(f"/proc/{server.process.pid}/status").read_text()
    return 1024 * int(re.findall(r"VmRSS:\s+(\d+)", text)[0])


def test_a_client_that_disconnects(server: ServerProcess) -> None:
    for sent in (
        head("content-length: 1000") + b"{",
        head("content-length: 60") + json.dumps(ONE).encode(),
        b"POST /pred",
    ):
        with server.connect() as connection:
            connection.sendall(sent)
    slow = json.dumps({"inputs": [{"do": "sleep 0.3", "n": 1}]}).encode()
    with server.connect() as connection:
        connection.sendall(head(f"content-length: {len(slow)}") + slow)
        time.sleep(0.1)
    wait_until_idle(server)
    assert post(server, ONE).status_code == 200


@pytest.mark.parametrize(
    "sent",
    [
        f"{CANARY}\r\n\r\n".encode(),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 64 + b"\r\n\r\n",
        head("content-length: -1") + b"{}",
        head("content-length: 2\r\ncontent-length: 3") + b"{}",
        head("transfer-encoding: chunked") + CANARY.encode() + b"\r\n",
        head(f"x-{CANARY}: " + "x" * 200_000),
    ],
    ids=["no HTTP", "TLS", "a negative length", "two lengths", "no chunks", "a header of 200 kB"],
)
def test_malformed_http(server: ServerProcess, sent: bytes) -> None:
    text = b""
    with server.connect() as connection:
        try:
            connection.sendall(sent)
            while piece := connection.recv(65536):
                text += piece
        except OSError:
            pass
    assert b"CANARY" not in text
    assert text == b"" or 400 <= int(text.split()[1]) < 500, text
    assert post(server, ONE).status_code == 200


@pytest.mark.slow
def test_a_slow_model_is_504_and_does_not_block_other_requests(
    server: ServerProcess,
) -> None:
    statuses: list[int] = []
    body = {"inputs": [{"do": "sleep 3.5", "n": 1}]}
    slow = threading.Thread(target=lambda: statuses.append(post(server, body).status_code))
    slow.start()
    meanwhile = 0
    while slow.is_alive():
        assert post(server, ONE).status_code == 200
        meanwhile += 1
        time.sleep(0.05)
    assert statuses == [504]
    assert meanwhile > 3
    wait_until_idle(server)


@pytest.mark.slow
def test_400_concurrent_requests_with_invalid_ones(server: ServerProcess) -> None:
    bad = [
        (422, json.dumps({"inputs": [{"do": CANARY, "n": "x"}]})),
        (400, "{" + CANARY),
        (413, " " * 100_001),
        (502, json.dumps({"inputs": [{"do": f"fail {CANARY}", "n": 1}]})),
    ]

    def ask(number: int) -> tuple[int, int, Any]:
        good = number % 4 != 0
        wanted, body = (
            (200, json.dumps({"inputs": [{"do": "answer", "n": number}]}))
            if good
            else bad[number // 4 % 4]
        )
        response = http.post("/predict", content=body, headers={"content-type": "application/json"})
        assert "CANARY" not in response.text
        return (
            wanted,
            response.status_code,
            response.json().get("prediction") == [float(number)] if good else True,
        )

    with (
        httpx2.Client(base_url=server.url, timeout=30) as http,
        concurrent.futures.ThreadPoolExecutor(16) as threads,
    ):
        found = list(threads.map(ask, range(400)))
    assert [status for wanted, status, _ in found] == [wanted for wanted, status, _ in found]
    assert all(right for _, _, right in found)
    assert under_way(server) == 0


def test_a_port_in_use_is_a_configuration_error(
    modelpact: CommandRunner, server: ServerProcess, scripted: Adapter
) -> None:
    ended = modelpact("task=serve", f"task.uri={scripted.folder}", f"task.port={server.port}")
    assert ended.status == 2
    assert f"task.port={server.port}" in ended.err
    assert "task.port=0" in ended.err


@pytest.mark.slow
def test_sigterm_finishes_requests_in_progress(server: ServerProcess, tmp_path: Path) -> None:
    assert post(server, {"inputs": [{"do": f"fail {CANARY}", "n": 1}]}).status_code == 502
    found: list[httpx2.Response] = []
    body = {"inputs": [{"do": f"until {tmp_path / 'go'}", "n": 7}]}
    asking = threading.Thread(target=lambda: found.append(post(server, body)))
    asking.start()
    while under_way(server) != 1:
        assert asking.is_alive()
        time.sleep(0.02)
    server.process.send_signal(signal.SIGTERM)
    (tmp_path / "go").touch()
    asking.join()
    assert found[0].json()["prediction"] == [7.0]
    assert server.process.wait(20) == 0
    with pytest.raises(OSError, match=r"."):
        server.connect()
    assert "CANARY" not in server.log.read_text()
    assert "status 502" in server.log.read_text()
