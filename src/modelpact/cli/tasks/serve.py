"""`task=serve`: serve a stored model over HTTP."""

from __future__ import annotations

import contextlib
import math
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from pydantic import Field

from modelpact.cli.render.console import echo
from modelpact.cli.stored_model import find_model, open_store
from modelpact.cli.tasks.base import Task
from modelpact.errors import ConfigError
from modelpact.loaders import Loader
from modelpact.serving.limits import Limits
from modelpact.tracking import Tracking

if TYPE_CHECKING:
    import uvicorn

__all__ = ["ServeTask"]


class ServeTask(Task):
    """Serves a stored model until the process is stopped; pending requests are then finished.

    Attributes:
        uri: The model: `models:/name/1`, `models:/name@alias`, `models:/<model_id>`,
            `runs:/<run_id>/model`, or a folder.
        host: The address to listen on.
        port: The port; 0 for a free one.
        max_bytes: The maximum size of a request body.
        max_concurrency: The maximum number of concurrent requests.
        timeout: Seconds for a prediction.
        body_timeout: Seconds for receiving a request body.
        grace: Seconds for pending requests when the server is stopped.
        loader: How the model is loaded.
        tracking: The store.
    """

    uri: str
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    max_bytes: int = Field(default=10_000_000, ge=1)
    max_concurrency: int = Field(default=32, ge=1)
    timeout: float = Field(default=60.0, gt=0)
    body_timeout: float = Field(default=30.0, gt=0)
    grace: float = Field(default=30.0, ge=0)
    loader: Loader
    tracking: Tracking

    def run(self, folder: Path) -> float | None:
        import socket

        import uvicorn

        from modelpact.serving import create_app

        with open_store(self.uri, self.tracking):
            adapter = self.loader.load(find_model(self.uri).uri)
        limits = Limits(
            max_bytes=self.max_bytes,
            max_concurrency=self.max_concurrency,
            timeout=self.timeout,
            body_timeout=self.body_timeout,
        )
        app = create_app(adapter, limits)
        try:
            listening = socket.create_server((self.host, self.port), backlog=2048)
        except OSError as error:
            raise ConfigError(
                f"cannot listen on task.host={self.host} task.port={self.port}: "
                f"{error.strerror or error}",
                remedy="Choose another port: task.port=8001, or task.port=0 for a free one.",
            ) from error
        config = uvicorn.Config(
            app,
            # httptools, which uvicorn prefers if it is installed, does not limit headers.
            http="h11",
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=math.ceil(self.grace),
        )
        server = uvicorn.Server(config)
        address = f"http://{self.host}:{listening.getsockname()[1]}"
        echo(f"serving {self.uri} on {address}; documentation: {address}/docs")
        # A caller in the background waits for this line.
        sys.stdout.flush()
        with _stop_on_signals(server):
            server.run(sockets=[listening])
        return None


@contextlib.contextmanager
def _stop_on_signals(server: uvicorn.Server) -> Iterator[None]:
    """Stop the server on SIGINT and SIGTERM; uvicorn itself would raise the signal again."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        server.should_exit = True

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
