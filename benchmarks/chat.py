"""How fast a chat model asks: `python benchmarks/chat.py`.

A server of OpenAI's protocol on this machine, in a process of its own, answers after 200 ms, or at once. The naive way is a loop
over the rows with the `openai` SDK, one request after the other; what the model costs beside its requests is measured against the
SDK alone, asked just as many at once. Memory is this process's resident set, with the server elsewhere.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from turns import ROOT, in_turn, row

from modelpact.loaders import Adapter, CustomLoader
from modelpact.models import ChatModel
from modelpact.savers import CustomSaver
from modelpact.signature import parse
from modelpact.tracking import SqliteTracking

CONTRACT = {
    "inputs": {"question": "string"},
    "outputs": {"response": "string"},
    "params": {"temperature": "double = null"},
}
ROWS, DELAY, AT_ONCE = 200, 0.2, 100


@contextlib.contextmanager
def server(delay: float) -> Iterator[str]:
    """A server that gives a question back as its answer, `delay` seconds later; its base URL."""
    command = [
        sys.executable,
        "-m",
        "tests.support.fake_chat_server",
        "--delay",
        str(delay),
    ]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.communicate("")


def adapter(base_url: str, folder: Path) -> Adapter:
    """A chat model for that server, saved and loaded again."""
    os.chdir(folder)
    model = ChatModel(model="echo", base_url=base_url, api_key=None, max_concurrency=AT_ONCE)
    with SqliteTracking(uri="sqlite:///mlflow.db").open():
        example = questions(1)
        info = CustomSaver(pip_requirements=["openai"]).save(model, parse(CONTRACT), example)
        return CustomLoader().load(info.model_uri)


def questions(n: int) -> Any:
    """A frame of `n` questions."""
    import pandas as pd

    return pd.DataFrame({"question": [f"question {number}" for number in range(n)]})


def one_by_one(base_url: str) -> float:
    """Seconds of the naive loop; every answer is compared."""
    import openai

    client = openai.OpenAI(api_key="none", base_url=base_url)
    started = time.perf_counter()
    for question in questions(ROWS)["question"]:
        said = client.chat.completions.create(
            model="echo", messages=[{"role": "user", "content": question}]
        )
        assert said.choices[0].message.content == question
    return time.perf_counter() - started


def at_once(loaded: Adapter, n: int) -> float:
    """Seconds of one call with `n` rows; every answer is compared, in its place."""
    asked = questions(n)
    started = time.perf_counter()
    answered = loaded.predict(asked).prediction
    spent = time.perf_counter() - started
    assert answered["response"].tolist() == asked["question"].tolist()
    return spent


def sdk_alone(base_url: str, n: int) -> float:
    """Seconds of the SDK with as many requests at once and nothing around it."""
    import openai

    async def ask_all() -> None:
        async with openai.AsyncOpenAI(api_key="none", base_url=base_url) as client:
            waiting = iter(questions(n)["question"])

            async def worker() -> None:
                for question in waiting:
                    await client.chat.completions.create(
                        model="echo", messages=[{"role": "user", "content": question}]
                    )

            await asyncio.gather(*(worker() for _ in range(AT_ONCE)))

    started = time.perf_counter()
    asyncio.run(ask_all())
    return time.perf_counter() - started


def resident() -> float:
    """The resident set of this process, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def memory(loaded: Adapter, n: int) -> list[float]:
    """The resident set while `n` rows are answered in one call, read ten times, in MB."""
    read: list[float] = []
    seconds = at_once(loaded, n // 10)  # what is imported and allocated once
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(seconds):
            read.append(resident())

    watcher = threading.Thread(target=watch)
    watcher.start()
    at_once(loaded, n)
    ended.set()
    watcher.join()
    return read


def main() -> None:
    with tempfile.TemporaryDirectory() as kept, server(DELAY) as slow, server(0.0) as fast:
        for name in ("slow", "fast"):
            (Path(kept) / name).mkdir()
        loaded = adapter(slow, Path(kept) / "slow")
        at_once(loaded, 1)
        naive, ours = in_turn(3, lambda _: one_by_one(slow), lambda _: at_once(loaded, ROWS))
        print(row(f"{ROWS} rows, {DELAY * 1000:g} ms each", naive, ours, 30))
        loaded = adapter(fast, Path(kept) / "fast")
        at_once(loaded, 1)
        alone, whole = in_turn(5, lambda _: sdk_alone(fast, 1000), lambda _: at_once(loaded, 1000))
        medians = [statistics.median(figures) for figures in (alone, whole)]
        print(
            f"a row without waiting: SDK alone {medians[0]:.2f} ms, model under its contract {medians[1]:.2f} ms",
            end="",
        )
        print(f", more by {medians[1] - medians[0]:.2f} ms  goal under 1")
        read = memory(loaded, 10_000)
        print(
            f"10,000 rows in one call, resident set: {', '.join(f'{value:.0f}' for value in read)} MB"
        )
        os.chdir(ROOT)


if __name__ == "__main__":
    main()
