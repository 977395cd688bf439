"""A LiteLLM proxy with the models of examples/litellm, in a process and a virtual environment of its own.

Beside modelpact it would bring an older `openai`. The environment is kept: in the folder that MODELPACT_LITELLM_VENV names, or in
pytest's cache, one for each text of the requirements.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "litellm"
KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH")


@dataclass(frozen=True)
class Proxy:
    """A proxy that runs."""

    base_url: str
    key: str
    recorded: Path
    log: Path

    def received(self) -> list[Any]:
        """The bodies of all chat requests so far as the proxy received them, parsed; None for one that is no JSON."""
        if not self.recorded.exists():
            return []
        return [json.loads(line) for line in self.recorded.read_text(encoding="utf-8").splitlines()]


def environment(cache: Path) -> Path:
    """The folder with the proxy's programs; made and filled where it is not there yet."""
    requirements = EXAMPLE / "requirements.txt"
    text = f"{sys.version_info[:2]} {requirements.read_text(encoding='utf-8')}"
    folder = Path(os.environ.get("MODELPACT_LITELLM_VENV") or cache) / hashlib.sha256(text.encode()).hexdigest()[:12]
    folder.parent.mkdir(parents=True, exist_ok=True)
    complete = folder / "complete"
    with FileLock(f"{folder}.lock"):
        if not complete.exists():
            _run(folder, sys.executable, "-m", "venv", "--clear", folder)
            _run(folder, folder / "bin" / "python", "-m", "pip", "install", "--quiet", "-r", requirements)
            complete.touch()
    return folder / "bin"


def _run(folder: Path, *command: object) -> None:
    log = folder.with_suffix(".log")
    with log.open("w", encoding="utf-8") as output:
        variables = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}
        done = subprocess.run([str(part) for part in command], env=variables, stdout=output, stderr=output, check=False)
    assert done.returncode == 0, _end(log)


def _end(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")[-4000:]


@contextmanager
def running(programs: Path, folder: Path, seconds: float = 120) -> Iterator[Proxy]:
    """The proxy, for as long as the block lasts; `seconds` is how long its start may take."""
    config = yaml.safe_load((EXAMPLE / "config.yaml").read_text(encoding="utf-8"))
    config["general_settings"]["custom_auth"] = "litellm_hooks.authorize"
    (folder / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    shutil.copy(Path(__file__).with_name("litellm_hooks.py"), folder)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    proxy = Proxy(f"http://127.0.0.1:{port}/v1", f"sk-{secrets.token_hex(12)}", folder / "bodies.jsonl", folder / "proxy.log")
    variables = {name: os.environ[name] for name in KEPT if name in os.environ}
    variables |= {
        "LITELLM_MASTER_KEY": proxy.key,
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # or it fetches a list of prices at its start
        "RECORDED_BODIES": str(proxy.recorded),
    }
    command = [str(programs / "litellm"), "--config", "config.yaml", "--host", "127.0.0.1", "--port", str(port)]
    with (
        proxy.log.open("w", encoding="utf-8") as output,
        subprocess.Popen(command, cwd=folder, env=variables, stdout=output, stderr=output) as process,
    ):
        try:
            _wait(process, proxy, seconds)
            yield proxy
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait(process: subprocess.Popen[bytes], proxy: Proxy, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert process.poll() is None, _end(proxy.log)
        try:
            with urllib.request.urlopen(proxy.base_url.removesuffix("v1") + "health/liveliness", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise AssertionError(f"the proxy did not start in {seconds} seconds:\n{_end(proxy.log)}")
