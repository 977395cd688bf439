"""A model behind HTTP: `task=serve` against `mlflow models serve`, on the same model, in turn.

Run it as `python benchmarks/serve.py`; `--seconds 2 --rounds 1` for a trial. Both are started as their users start them, MLflow's
in this environment with its default workers, and both are asked in MLflow's protocol (`/invocations`, one row of 20 columns) by
the same load generator: a process of its own, with so many connections that are kept alive, each of which sends its next request
when the answer to the last has come. What a server answers is compared with what the model answers. Time to ready is from the
start of the process until `/ping` answers; memory is that of the process and its children at the end of the load.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from memory import resident
from turns import OURS, row

COLUMNS = 20


def make(folder: Path) -> tuple[bytes, float]:
    """Publish a model, and return a request and its prediction."""
    import mlflow
    import numpy as np
    import pandas as pd
    from sklearn.linear_model import Ridge

    from modelpact import publish

    rng = np.random.default_rng(0)
    sample = pd.DataFrame(rng.random((1000, COLUMNS))).add_prefix("c")
    target, uri = sample.sum(axis=1), f"sqlite:///{folder}/mlflow.db"
    receipt = publish(
        Ridge(),
        sample,
        target,
        name="served",
        saver={"_target_": "builtin", "pip_requirements": ["scikit-learn"]},
        loader="builtin",
        tracking={"uri": uri},
    )
    mlflow.set_tracking_uri(uri)
    mlflow.artifacts.download_artifacts(receipt.model_uri, dst_path=str(folder / "model"))
    body = json.dumps({"dataframe_split": sample.head(1).to_dict("split", index=False)}).encode()
    return body, float(Ridge().fit(sample, target).predict(sample.head(1))[0])


async def load(port: int, connections: int, seconds: float, body: bytes) -> list[float]:
    """The seconds of each request, from its first byte sent to its last received."""
    head = f"POST /invocations HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    request, took, end = head.encode() + body, [], time.perf_counter() + seconds

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while (begun := time.perf_counter()) < end:
            writer.write(request)
            top = await reader.readuntil(b"\r\n\r\n")
            if not top.startswith(b"HTTP/1.1 200"):
                raise SystemExit(f"refused: {top!r}")
            length = next(
                line for line in top.lower().split(b"\r\n") if line.startswith(b"content-length:")
            )
            await reader.readexactly(int(length.split(b":")[1]))
            took.append(time.perf_counter() - begun)
        writer.close()

    await asyncio.gather(*(client() for _ in range(connections)))
    return took


def asked(port: int, connections: int, seconds: float, folder: Path) -> list[float]:
    """The same, by a process of its own."""
    command = [
        sys.executable,
        __file__,
        "--child",
        str(port),
        "--connections",
        str(connections),
        "--seconds",
        str(seconds),
    ]
    done = subprocess.run(
        [*command, "--folder", str(folder)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"the load generator failed:\n{done.stderr}")
    took: list[float] = json.loads(done.stdout)
    return took


def free_port() -> int:
    """A port that is free now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def ready(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until a server answers."""
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=5):
                return
        except (OSError, urllib.error.URLError):
            if process.poll() is not None:
                raise SystemExit(
                    "a server has ended before it was ready; run its command to see why"
                ) from None
            time.sleep(0.01)


@contextlib.contextmanager
def running(command: list[str], port: int, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Start a server, wait until it is ready, and stop it at the end."""
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"}
    with (
        (folder / "served_models.log").open("wb") as log,
        subprocess.Popen(
            command, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True
        ) as process,
    ):
        try:
            ready(port, process)
            yield process
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


def measured(
    command: list[str], port: int, folder: Path, options: Any, wanted: float
) -> dict[str, float]:
    """Start a server, ask it, stop it."""
    started = time.perf_counter()
    with running(command, port, folder) as process:
        until_ready = time.perf_counter() - started
        body = (folder / "body.json").read_bytes()
        question = urllib.request.Request(
            f"http://127.0.0.1:{port}/invocations",
            body,
            {"content-type": "application/json"},
            method="POST",
        )
        with urllib.request.urlopen(question, timeout=30) as answer:
            found = json.load(answer)["predictions"][0]
        if abs(found - wanted) > 1e-9:
            raise SystemExit(f"a wrong answer: {found} for {wanted}")
        asked(port, options.connections, min(1.0, options.seconds), folder)  # to warm up
        took = sorted(asked(port, options.connections, options.seconds, folder))
        memory = resident(process.pid)
    p50, p99 = took[len(took) // 2], took[int(len(took) * 0.99)]
    return {
        "rate": len(took) / options.seconds,
        "p50": p50,
        "p99": p99,
        "ready": until_ready,
        "memory": memory,
    }


def servers(folder: Path) -> dict[str, tuple[list[str], int]]:
    """The command of each server, and its port."""
    theirs, own = free_port(), free_port()
    mlflow = [
        sys.executable,
        "-m",
        "mlflow",
        "models",
        "serve",
        "-m",
        str(folder / "model"),
        "--env-manager",
        "local",
    ]
    task = [
        *OURS,
        "task=serve",
        f"task.uri={folder / 'model'}",
        "loader=builtin",
        f"task.port={own}",
    ]
    return {"naive": ([*mlflow, "-p", str(theirs)], theirs), "ours": (task, own)}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        body = (options.folder / "body.json").read_bytes()
        print(
            json.dumps(asyncio.run(load(options.child, options.connections, options.seconds, body)))
        )
        return
    found: dict[str, list[dict[str, float]]] = {"naive": [], "ours": []}
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        body, wanted = make(folder)
        (folder / "body.json").write_bytes(body)
        for _ in range(options.rounds):
            for name, (command, port) in servers(folder).items():
                found[name].append(measured(command, port, folder, options, wanted))
    naive, ours = found["naive"], found["ours"]
    rates = [[1 / one["rate"] for one in each] for each in (naive, ours)]
    print(
        row(
            f"a request of one row, {options.connections} at once (1 / rate)",
            *rates,
            goal=3,
            unit="ms",
        )
    )
    for key, title, goal, unit in (
        ("p50", "its median", 3, "ms"),
        ("p99", "99 of 100 within", 3, "ms"),
        ("ready", "ready", 4, "s"),
    ):
        print(
            row(
                title, [one[key] for one in naive], [one[key] for one in ours], goal=goal, unit=unit
            )
        )
    for word, each in (("naive", naive), ("modelpact", ours)):
        rate, memory = (
            statistics.median(one["rate"] for one in each),
            statistics.median(one["memory"] for one in each),
        )
        print(f"{word:10} {rate:8,.0f} requests a second, {memory / 1e6:6,.0f} MB")


if __name__ == "__main__":
    main()
