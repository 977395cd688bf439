"""What large and hostile bodies cost a server: `task=serve` against `mlflow models serve`, on the same model, in turn.

Run it as `python benchmarks/http_costs.py`; `--rounds 1` for a trial, `--only ours` for one side. Two things are measured:

* The wait of others: four bodies of 10 MB are sent at once, and one client sends requests of one row, each when the response to the
  last has come, until all four have their response. The figure is the time within which 99 of 100 small requests have theirs.
* The cost: CPU seconds of the server per megabyte of a body that is made to be expensive, from the first byte to the response.

Bodies and small requests are sent to `/invocations` by a process of its own. A body without a response after 60 s counts with the CPU
time that the server spent until then.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import http.client
import io
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from memory import tree
from serve import COLUMNS, make, ready, servers
from turns import row

SIZE = 9_900_000
"""Bytes of a body; the limit of `task=serve` is 10,000,000."""

TIMEOUT = 60.0
TICKS = os.sysconf("SC_CLK_TCK")
JSON, CSV, PARQUET = "application/json", "text/csv", "application/vnd.apache.parquet"


def repeat(head: str, piece: str, tail: str, comma: str = ",") -> bytes:
    """As many pieces as fit."""
    count = (SIZE - len(head) - len(tail)) // len(piece + comma)
    return (head + comma.join([piece] * count) + tail).encode()


def numbered(head: str, piece: str, tail: str) -> bytes:
    """As many pieces with a number as fit."""
    count = SIZE // len(piece % 1_000_000 + ",")
    return (head + ",".join([piece % (i + 1_000_000) for i in range(count)]) + tail).encode()


NAMES = [f"c{i}" for i in range(COLUMNS)]
SPLIT = f'{{"dataframe_split":{{"columns":{json.dumps(NAMES)},"data":['


def records(cell: str) -> bytes:
    """Rows of the model's columns."""
    return repeat(
        '{"dataframe_records":[', "{" + ",".join(f'"{n}":{cell}' for n in NAMES) + "}", "]}"
    )


def cells(cell: str) -> bytes:
    """Rows of cells of the model's columns."""
    return repeat(SPLIT, "[" + ",".join([cell] * COLUMNS) + "]", "]}}")


LARGE: dict[str, Callable[[], bytes]] = {
    "valid records": lambda: records("0.12345678901234567"),
    "valid cells": lambda: cells("0.12345678901234567"),
    "valid small integers": lambda: cells("1"),
    "records of text": lambda: records('"text"'),
}
"""The bodies that are sent four at a time."""


def parquet(columns: int, rows: int) -> bytes:
    """A file that is small because its values are all the same."""
    import pyarrow as pa
    from pyarrow import parquet as format_

    table = pa.table({f"c{i}": pa.array([0.5] * rows) for i in range(columns)})
    file = io.BytesIO()
    format_.write_table(table, file, compression="zstd")
    return file.getvalue()[:SIZE]


HOSTILE: dict[str, tuple[str, Callable[[], bytes]]] = {
    "[[[[": (JSON, lambda: b"[" * SIZE),
    '{"a":{"a":': (JSON, lambda: b'{"a":' * (SIZE // 5)),
    "one long integer": (JSON, lambda: b'{"inputs":[' + b"1" * SIZE + b"]}"),
    "one long fraction": (JSON, lambda: b'{"inputs":[0.' + b"1" * SIZE + b"]}"),
    "one string of escapes": (JSON, lambda: repeat('{"inputs":["', "\\u0041", '"]}', "")),
    "one string of surrogates": (JSON, lambda: repeat('{"inputs":["', "\\ud83d\\ude00", '"]}', "")),
    "lone surrogates": (JSON, lambda: repeat('{"inputs":[', '"\\ud83d"', "]}")),
    "integers": (JSON, lambda: repeat('{"inputs":[', "1", "]}")),
    "empty strings": (JSON, lambda: repeat('{"inputs":[', '""', "]}")),
    "empty lists": (JSON, lambda: repeat('{"inputs":[', "[]", "]}")),
    "empty rows": (JSON, lambda: repeat('{"dataframe_records":[', "{}", "]}")),
    "rows of one unknown column": (JSON, lambda: repeat('{"dataframe_records":[', '{"z":1}', "]}")),
    "empty rows of cells": (JSON, lambda: repeat('{"dataframe_split":{"data":[', "[]", "]}}")),
    "unknown columns": (JSON, lambda: numbered('{"dataframe_records":[{', '"c%d":1', "}]}")),
    "one row of many cells": (JSON, lambda: repeat('{"dataframe_split":{"data":[[', "1", "]]}}")),
    "unknown params": (JSON, lambda: numbered('{"inputs":[],"params":{', '"c%d":1', "}}")),
    "rows of other columns": (JSON, lambda: numbered('{"dataframe_records":[', '{"c%d":1}', "]}")),
    "duplicate keys": (JSON, lambda: repeat('{"inputs":[{', '"a":1', "}]}")),
    "text for numbers": (JSON, lambda: records('"x"')),
    "blanks": (JSON, lambda: b" " * SIZE),
    "CSV of one row": (CSV, lambda: numbered("", "c%d", "\n")),
    "CSV of many columns": (CSV, lambda: numbered("", "c%d", "\n")[: SIZE // 2] + b"\n" + b"1," * (SIZE // 4)),
    "CSV of empty lines": (CSV, lambda: ",".join(NAMES).encode() + b"\n" * SIZE),
    "CSV of text": (CSV, lambda: repeat(",".join(NAMES) + "\n", ",".join(["x"] * COLUMNS), "", "\n")),
    "CSV of quotes": (CSV, lambda: ",".join(NAMES).encode() + b"\n" + b'"' * SIZE),
    "Parquet of many columns": (PARQUET, lambda: parquet(20_000, 1)),
    "Parquet of many rows": (PARQUET, lambda: parquet(20, 10_000_000)),
    "Parquet that is cut off": (PARQUET, lambda: parquet(20, 1000)[:-100]),
}  # fmt: skip
"""Bodies that are made to be expensive, with their media types."""


def send(port: int, body: bytes, kind: str) -> int:
    """The status of a request; 0 without a response in time."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
    try:
        connection.request("POST", "/invocations", body, {"content-type": kind})
        response = connection.getresponse()
        response.read()
        return response.status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def wait_of_others(port: int, large: bytes, small: bytes) -> list[float]:
    """The seconds of each small request while four large bodies are in progress."""
    took: list[float] = []
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        running = [pool.submit(send, port, large, JSON) for _ in range(4)]
        while not all(one.done() for one in running):
            begun = time.perf_counter()
            send(port, small, JSON)
            took.append(time.perf_counter() - begun)
    return took


def cpu(pid: int) -> float:
    """CPU seconds of a process and its children."""
    total = 0
    for each in tree(pid):
        try:
            fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        except OSError:  # it has ended
            continue
        total += sum(map(int, fields[11:15]))
    return total / TICKS


def measured(command: list[str], port: int, folder: Path, only: str) -> dict[str, Any]:
    """Start a server, send it everything, stop it."""
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"}
    small = (folder / "body.json").read_bytes()
    waits, costs = {}, {}
    with (
        (folder / "served_models.log").open("wb") as log,
        subprocess.Popen(
            command, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True
        ) as process,
    ):
        try:
            ready(port, process)
            for _ in range(20):
                send(port, small, JSON)
            for name, build in LARGE.items() if only != "cost" else ():
                took = sorted(wait_of_others(port, build(), small))
                waits[name] = took[min(int(len(took) * 0.99), len(took) - 1)]
                print(
                    f"  {name:28} {len(took):5} small requests, 99 of 100 in {waits[name]:.3f} s",
                    file=sys.stderr,
                )
            for name, (kind, build) in HOSTILE.items() if only != "wait" else ():
                body, before = build(), cpu(process.pid)
                status = send(port, body, kind)
                costs[name] = (cpu(process.pid) - before) / max(len(body) / 1e6, 1)
                print(
                    f"  {name:28} status {status:3} {costs[name]:.3f} CPU s per MB", file=sys.stderr
                )
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
    return {"waits": waits, "costs": costs}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--side", choices=["naive", "ours"])
    parser.add_argument("--only", choices=["wait", "cost"], default="")
    options = parser.parse_args()
    found: dict[str, list[dict[str, Any]]] = {"naive": [], "ours": []}
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        body, _ = make(folder)
        (folder / "body.json").write_bytes(body)
        for _ in range(options.rounds):
            for name, (command, port) in servers(folder).items():
                if options.side in (None, name):
                    print(name, file=sys.stderr)
                    found[name].append(measured(command, port, folder, options.only))
    for key, title, unit, goal in (
        ("waits", "99 of 100 small requests during 4 bodies of 10 MB", "ms", 1),
        ("costs", "CPU seconds per MB of the most expensive body", "s", 1),
    ):
        worst = {
            side: [max(one[key].items(), key=lambda item: item[1]) for one in runs if one[key]]
            for side, runs in found.items()
        }
        figures = {side: [figure for _, figure in each] for side, each in worst.items()}
        if figures["naive"] and figures["ours"]:
            print(row(title, figures["naive"], figures["ours"], goal=goal, unit=unit))
        for side, each in worst.items():
            if each:
                median = statistics.median(figures[side])
                print(f"{side:10} {title}: {median:.3f} s, {each[-1][0]!r}")


if __name__ == "__main__":
    main()
