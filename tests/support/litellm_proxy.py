"""A LiteLLM proxy with the models of examples/litellm, in its own process and virtual environment."""

from __future__ import annotations

import contextlib
import json
import secrets
import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.support.server_programs import (
    clean_environment,
    free_port,
    run_server,
)

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "litellm"


@dataclass(frozen=True)
class Proxy:
    """A running proxy."""

    base_url: str
    key: str
    recorded: Path

    def received(self) -> list[Any]:
        """Return the parsed bodies of all chat requests so far; None for one that is not JSON."""
        if not self.recorded.exists():
            return []
        return [json.loads(line) for line in self.recorded.read_text(encoding="utf-8").splitlines()]


@contextlib.contextmanager
def running(programs: Path, folder: Path, seconds: float = 120) -> Iterator[Proxy]:
    """Run the proxy during the block; `seconds` is the timeout of its start."""
    config = yaml.safe_load((EXAMPLE / "config.yaml").read_text(encoding="utf-8"))
    config["general_settings"]["custom_auth"] = "litellm_hooks.authorize"
    (folder / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    shutil.copy(Path(__file__).with_name("litellm_hooks.py"), folder)
    port = free_port()
    proxy = Proxy(
        f"http://127.0.0.1:{port}/v1", f"sk-{secrets.token_hex(12)}", folder / "bodies.jsonl"
    )
    known = clean_environment(
        LITELLM_MASTER_KEY=proxy.key,
        LITELLM_LOCAL_MODEL_COST_MAP="True",  # or it fetches a list of prices at its start
        RECORDED_BODIES=str(proxy.recorded),
    )
    command = [
        str(programs / "litellm"),
        "--config",
        "config.yaml",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    with run_server(
        command, folder / "proxy.log", lambda: _is_alive(proxy), seconds, cwd=folder, env=known
    ):
        yield proxy


def _is_alive(proxy: Proxy) -> bool:
    with (
        contextlib.suppress(urllib.error.URLError, OSError),
        urllib.request.urlopen(proxy.base_url.removesuffix("v1") + "health/liveliness", timeout=5),
    ):
        return True
    return False
