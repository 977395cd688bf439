"""Calls from a running loop, threads, a server and a fork; interruption; the loop itself."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from modelpact.models.chat.event_loop import get_loop, iterate_sync, map_concurrently, run_coroutine
from tests.support.chat_models import chat, texts
from tests.support.fake_chat_server import ChatServer, echo, hang

ROWS = [f"row {number}" for number in range(10)]


def test_predict_works_inside_a_running_loop() -> None:
    with ChatServer(echo()) as server:
        model = chat(server)

        async def main() -> tuple[list[str], list[str]]:
            return texts(model, ROWS), texts(model, "Hello", streamed=True)

        assert asyncio.run(main()) == (ROWS, ["Hello"])
        assert asyncio.run(main()) == (ROWS, ["Hello"])
        assert texts(model, ROWS) == ROWS


def test_predict_works_from_several_threads() -> None:
    with ChatServer(echo(0.02)) as server:
        model = chat(server)
        with ThreadPoolExecutor(8) as pool:
            found = list(
                pool.map(
                    lambda number: texts(model, [f"{number} {row}" for row in ROWS]), range(16)
                )
            )
    assert found == [[f"{number} {row}" for row in ROWS] for number in range(16)]


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_predict_works_in_an_endpoint_of_fastapi(kind: str) -> None:
    import socket

    import uvicorn
    from fastapi import FastAPI

    app = FastAPI()
    with ChatServer(echo()) as server, socket.create_server(("127.0.0.1", 0)) as listening:
        model = chat(server)
        if kind == "sync":
            app.post("/")(lambda text: texts(model, text))
        else:

            async def ask(text: str) -> list[str]:
                return texts(model, text)

            app.post("/")(ask)
        serving = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off"))
        thread = threading.Thread(target=serving.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            port = listening.getsockname()[1]
            command = (
                "import sys, urllib.request as u; request = u.Request(sys.argv[1], method='POST'); "
                "print(u.urlopen(request).read().decode())"
            )
            asked = [sys.executable, "-c", command, f"http://127.0.0.1:{port}/?text=Hello"]
            done = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=30)
        finally:
            serving.should_exit = True
            thread.join()
    assert (done.stdout, done.stderr) == ('["Hello"]\n', "")


def test_ctrl_c_cancels() -> None:
    with ChatServer(hang()) as server:
        timer = threading.Timer(0.4, lambda: os.kill(os.getpid(), signal.SIGINT))
        timer.start()
        started = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            chat(server, timeout=30.0, budget=30.0).predict(ROWS)
        assert time.monotonic() - started < 10
        deadline = time.monotonic() + 3
        while server._writers and time.monotonic() < deadline:
            time.sleep(0.01)
        assert len(server._writers) == 0
        timer.join()


SCRIPT = """
import os, sys, time
from modelpact.models import ChatModel
model = ChatModel(model="gpt", base_url=sys.argv[1], api_key=None, timeout=5.0, max_concurrency=4)
rows = [f"row {n}" for n in range(8)]
assert model.predict(rows).response.tolist() == rows
{body}
"""

FORKING = """
child = os.fork()
if not child:
    good = model.predict(rows).response.tolist() == rows
    os._exit(0 if good else 1)
assert model.predict(rows).response.tolist() == rows
_, status = os.waitpid(child, 0)
assert model.predict(rows).response.tolist() == rows
sys.exit(os.waitstatus_to_exitcode(status))
"""

REPLACING = """
child = os.fork()
if not child:
    import asyncio, gc
    async def main():
        global model
        model.load_context({"model": "other"})
        good = model.predict(rows).response.tolist() == rows
        del model
        gc.collect()
        await asyncio.sleep(0.2)
        return good
    os._exit(0 if asyncio.run(main()) else 1)
for _ in range(10):
    assert model.predict(rows).response.tolist() == rows
    time.sleep(0.05)
_, status = os.waitpid(child, 0)
assert model.predict(rows).response.tolist() == rows
sys.exit(os.waitstatus_to_exitcode(status))
"""


def program(server: ChatServer, body: str, *options: str) -> Any:
    """Run a script that calls a server."""
    script = SCRIPT.replace("{body}", body)
    command = [sys.executable, *options, "-c", script, server.base_url]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks on this system")
@pytest.mark.parametrize("body", [FORKING, REPLACING], ids=["asking", "replacing"])
def test_a_fork_can_predict_and_does_not_use_its_parents_connections(body: str) -> None:
    with ChatServer(echo()) as server:
        done = program(server, body)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow
def test_a_process_exits_without_output() -> None:
    with ChatServer(echo(0.05)) as server:
        done = program(
            server, "source = model.predict_stream('a b c'); next(source)", "-W", "error"
        )
    assert (done.returncode, done.stderr) == (0, "")


def test_each_process_has_one_loop() -> None:
    assert get_loop() is get_loop()
    names = [thread.name for thread in threading.enumerate()]
    assert names.count("modelpact-chat") == 1


def test_map_concurrently_limits_the_running_calls() -> None:
    active = peak = done = 0
    taken: list[int] = []

    async def work(number: int, item: str) -> str:
        nonlocal active, peak
        active += 1
        peak = max(peak, active)
        taken.append(number)
        await asyncio.sleep(0.001 * (5 - number % 5))
        active -= 1
        return item.upper()

    def advance() -> None:
        nonlocal done
        done += 1

    items = [f"item {number}" for number in range(50)]
    assert run_coroutine(map_concurrently(work, items, 4, advance)) == [
        item.upper() for item in items
    ]
    assert (peak, done, sorted(taken)) == (4, 50, list(range(50)))


def test_map_concurrently_stops_at_the_first_error() -> None:
    began: list[int] = []

    async def work(number: int, _: int) -> None:
        began.append(number)
        await asyncio.sleep(0.01)
        if number == 3:
            raise ValueError("three") from KeyError("cause")

    with pytest.raises(ValueError, match="three") as caught:
        run_coroutine(map_concurrently(work, list(range(100)), 2))
    assert isinstance(caught.value.__cause__, KeyError)
    assert len(began) < 10


def test_iterate_sync_raises_errors_and_closes_its_source() -> None:
    closed = []

    async def source() -> Any:
        try:
            yield 1
            yield 2
            raise ValueError("three")
        finally:
            closed.append(True)

    got: list[str] = []
    with pytest.raises(ValueError, match="three"):
        got.extend(item for item in iterate_sync(source()))
    assert closed == [True]
    early = iterate_sync(source())
    assert next(early) == 1
    early.close()  # type: ignore[attr-defined]
    run_coroutine(asyncio.sleep(0))
    assert closed == [True, True]


def test_a_stream_that_is_collected_on_the_loops_thread_does_not_block_it() -> None:
    async def source() -> Any:
        yield 1
        yield 2

    early = [iterate_sync(source())]
    assert next(early[0]) == 1

    async def forget() -> None:
        early.clear()

    assert run_coroutine(asyncio.wait_for(forget(), 5)) is None
    assert run_coroutine(asyncio.sleep(0, "running")) == "running"
