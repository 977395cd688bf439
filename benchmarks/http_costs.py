"""What large and hostile bodies cost a server: `task=serve` against `mlflow models serve`, on the same model, in turn.

Run it as `python benchmarks/http_costs.py`. It sends bodies of 10 MB of four kinds to `/invocations`, and measures two things:

* The cost: CPU seconds of the server with all its processes per megabyte of a body, from the first byte to the response.
* The wait of others: four bodies are sent at once, and one client sends requests of one row, each when the response to the last
  has come, until all four have their response. The figure is the time within which 99 of 100 small requests have theirs.

`--hostile` measures the cost of bodies that are made to be expensive, which takes MLflow some minutes. A body without a response
after 60 s counts with the CPU time that the server spent until then.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import http.client
import io
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from memory import tree
from serve import COLUMNS, make, running, servers
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


LARGE: dict[str, tuple[str, Callable[[], bytes]]] = {
    "records": (JSON, lambda: records("0.12345678901234567")),
    "cells": (JSON, lambda: cells("0.12345678901234567")),
    "integers": (JSON, lambda: cells("1")),
    "text": (JSON, lambda: records('"text"')),
}
"""Bodies that are large; the last is invalid, the others valid."""


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


def idle_cpu(pid: int) -> float:
    """CPU seconds of a server that no longer works on an earlier body."""
    spent = cpu(pid)
    while True:
        time.sleep(1)
        before, spent = spent, cpu(pid)
        if spent - before < 0.1:
            return spent


def measured(command: list[str], port: int, folder: Path, hostile: bool) -> dict[str, float]:
    """Start a server, send it everything, stop it; the figure of each measure."""
    found: dict[str, float] = {}
    small = (folder / "body.json").read_bytes()
    with running(command, port, folder) as process:
        for _ in range(20):
            send(port, small, JSON)
        for name, (kind, build) in (HOSTILE if hostile else LARGE).items():
            body, before = build(), idle_cpu(process.pid)
            status = send(port, body, kind)
            cost = (cpu(process.pid) - before) / max(len(body) / 1e6, 1)
            found[f"CPU per MB: {name} (s)"] = cost
            note = f"  {name:28} status {status:3} {cost:7.3f} CPU s per MB"
            if not hostile:
                took = sorted(wait_of_others(port, body, small))
                found[f"99 of 100 small requests: {name} (s)"] = took[int(len(took) * 0.99)]
                note += f"  {len(took):5} small requests, 99 of 100 in {took[int(len(took) * 0.99)]:.3f} s"
            print(note, file=sys.stderr)
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--hostile", action="store_true")
    options = parser.parse_args()
    found: dict[str, list[dict[str, float]]] = {"naive": [], "ours": []}
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        body, _ = make(folder)
        (folder / "body.json").write_bytes(body)
        for _ in range(options.rounds):
            for name, (command, port) in servers(folder).items():
                print(name, file=sys.stderr)
                found[name].append(measured(command, port, folder, options.hostile))
    for title in sorted(found["ours"][0]):
        naive, ours = ([run[title] for run in found[side]] for side in ("naive", "ours"))
        print(row(title, naive, ours, goal=1))


if __name__ == "__main__":
    main()
