"""`task=serve`: a stored model behind HTTP."""

from __future__ import annotations

import contextlib
import math
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from pydantic import Field

from modelpact.cli.render.console import echo
from modelpact.cli.stored_model import find_model, open_store
from modelpact.cli.tasks.base import Task
from modelpact.errors import ConfigError
from modelpact.loaders import Loader
from modelpact.serving.limits import Limits
from modelpact.tracking import Tracking

__all__ = ["ServeTask"]


class ServeTask(Task):
    """Serves a stored model until it is stopped; requests under way are finished then.

    Attributes:
        uri: Which model: `models:/name/1`, `models:/name@alias`, `models:/<model_id>`, `runs:/<run_id>/model`, or a folder.
        host: The address to listen on.
        port: The port; 0 for any that is free.
        max_bytes: The largest body that is read.
        max_concurrency: How many requests are worked on at once.
        timeout: Seconds that the model may take for a request.
        body_timeout: Seconds in which a request's body must have come.
        grace: Seconds that requests have to finish when the server is stopped.
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
                f"task.host={self.host} task.port={self.port}: {error.strerror or error}",
                remedy="Choose another port: task.port=8001, or task.port=0 for any that is free.",
            ) from error
        config = uvicorn.Config(
            app,
            http="h11",  # httptools, which uvicorn would take where it is installed, reads headers without a bound
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=math.ceil(self.grace),
        )
        server = uvicorn.Server(config)
        port = listening.getsockname()[1]
        echo(
            f"{self.uri} is served on http://{self.host}:{port}; its page is http://{self.host}:{port}/docs"
        )
        sys.stdout.flush()  # who started it in the background waits for this line
        with _stopped_by_signals(server):
            server.run(sockets=[listening])
        return None


@contextlib.contextmanager
def _stopped_by_signals(server: Any) -> Iterator[None]:
    """Let SIGINT and SIGTERM stop the server and nothing else: uvicorn raises them again when it has ended."""
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
