"""Tools that read the OpenAPI document: a generated client is typed, and a fuzzer finds no undeclared response."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from modelpact.loaders import Adapter
from tests.support import environments, served_models
from tests.support.fake_chat_server import ChatServer, echo
from tests.support.many_cases import sample_params
from tests.support.server_programs import clean_environment
from tests.support.serving_process import ServerProcess, start_server

pytestmark = pytest.mark.slow

CALL = """
import json, sys
from client import Client
from client.api.default import predict
from client.models import *

http = Client(base_url=sys.argv[1])
row = PredictBodyInputsItem(a=1.0, b=3.0, n=1)
good = predict.sync(client=http, body=PredictBody(inputs=[row]))
row.n = "one"
bad = predict.sync(client=http, body=PredictBody(inputs=[row]))
print(json.dumps([type(good).__name__, good.prediction, good.metadata["model_uri"], type(bad).__name__, bad.failures[0].path]))
"""


@pytest.fixture(scope="module")
def programs() -> Path:
    """The folder with the programs of the tools."""
    return environments.openapi_tools()


def run(command: list[str], folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=folder,
        env=clean_environment(HOME=str(folder), **more),
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )


def test_a_generated_client_returns_typed_predictions(
    table: Adapter, programs: Path, tmp_path: Path
) -> None:
    # The generator formats its output with Ruff, which is in one of the two environments.
    path = os.pathsep.join((str(programs), str(Path(sys.executable).parent), os.environ["PATH"]))
    with start_server(table.folder, tmp_path) as server:
        (tmp_path / "openapi.json").write_bytes(
            httpx2.get(f"{server.url}/openapi.json", timeout=20).content
        )
        (tmp_path / "config.yaml").write_text("package_name_override: client\n", encoding="utf-8")
        command = [str(programs / "openapi-python-client"), "generate", "--path", "openapi.json"]
        made = run(
            [*command, "--output-path", "generated", "--config", "config.yaml"],
            tmp_path,
            PATH=path,
        )
        assert made.returncode == 0, made.stdout + made.stderr
        (tmp_path / "generated" / "call.py").write_text(CALL, encoding="utf-8")
        called = run([str(programs / "python"), "call.py", server.url], tmp_path / "generated")
        assert called.returncode == 0, called.stderr
    kind, prediction, uri, other, where = json.loads(called.stdout)
    assert (kind, other, where) == ("PredictResponse200", "PredictResponse422", "n")
    assert prediction == pytest.approx(
        table.predict([{"a": 1.0, "b": 3.0, "n": 1}]).prediction.tolist(), rel=0, abs=0
    )
    assert uri == str(table.folder)


@pytest.fixture(params=sample_params(["table", "tensor", "nested", "chat"], every=4))
def running(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ServerProcess]:
    """The server of each model in turn."""
    if request.param != "chat":
        with start_server(request.getfixturevalue(request.param).folder, tmp_path) as server:
            yield server
        return
    with (
        ChatServer(echo()) as upstream,
        start_server(served_models.make_chat_adapter(upstream).folder, tmp_path) as server,
    ):
        yield server


CHECKS = "status_code_conformance,content_type_conformance,response_schema_conformance,response_headers_conformance"


def test_a_fuzzer_finds_no_undeclared_response(
    running: ServerProcess, programs: Path, tmp_path: Path
) -> None:
    command = [
        str(programs / "schemathesis"),
        "run",
        f"{running.url}/openapi.json",
        "--checks",
        CHECKS,
        "--seed",
        "0",
    ]
    options = [
        "--max-examples",
        "60",
        "--phases",
        "examples,coverage,fuzzing",
        "--continue-on-failure",
        "--no-shrink",
    ]
    found = run([*command, *options], tmp_path)
    assert found.returncode == 0, found.stdout[-4000:] + found.stderr
    metrics = httpx2.get(f"{running.url}/metrics", timeout=20).text
    counts = {
        (path, int(status)): float(number)
        for path, status, number in re.findall(
            r'modelpact_requests_total\{path="([^"]+)",status="(\d+)"\} (\S+)', metrics
        )
    }
    for path in ("/predict", "/invocations"):
        assert counts.get((path, 200), 0) >= 1, counts  # the example at least
        assert counts.get((path, 422), 0) >= 10, counts
    faults = {status for _, status in counts if status >= 500}
    assert faults <= {502}, counts  # the model itself can fail: a ridge regression rejects NaN
    _check_502s_come_from_the_model(running, faults)


def _check_502s_come_from_the_model(running: ServerProcess, faults: set[int]) -> None:
    """Each 502 is one of the model's: the log names where it was raised."""
    lines = [
        line
        for line in running.log.read_text(encoding="utf-8").splitlines()
        if "status 502" in line
    ]
    places: list[Any] = [re.search(r"caused by (\w+) at ([^,\s]+)", line) for line in lines]
    assert bool(lines) is bool(faults)
    assert all(place and "modelpact" not in Path(place[2]).parts for place in places), lines[:3]
