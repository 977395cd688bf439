"""Runs one bad input and classifies what happens.

`one error`: a `PactError` with a remedy, the documented exit status, and nothing left behind.
`accepted`: the input is listed as rightly accepted, and it worked.
The other outcomes are faults: `traceback`, `silent`, `hang`, `half-done`, `unclear`.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import signal
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelpact._internal.files import owner_of
from modelpact.errors import PactError

SECONDS = 10.0
"""An input that takes longer hangs."""

UNWATCHED = {"outputs", "multirun", "mlruns", "models", "conf", "__pycache__"}
"""Folders that are not compared: their files are logs, or are not written."""

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


@dataclass(frozen=True)
class Case:
    """One bad input.

    Attributes:
        arguments: The command line; empty for a call.
        call: A call in Python.
        names: What the error must name.
        accepted: Why the input is rightly accepted; empty for an error.
        status: The exit status; None for 1 or 2.
        fits: Whether the fault shows only after the model was fitted.
    """

    arguments: tuple[str, ...] = ()
    call: Callable[[], object] | None = None
    names: tuple[str, ...] = ()
    accepted: str = ""
    status: int | None = None
    fits: bool = False


@dataclass(frozen=True)
class Outcome:
    """What happened, with the details of a fault."""

    kind: str
    text: str = ""


class HangError(BaseException):
    """The input takes too long."""


@contextlib.contextmanager
def limited() -> Iterator[None]:
    """Raise a `HangError` after some seconds."""

    def stop(*_: object) -> None:
        raise HangError

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def state(place: Path) -> dict[str, Any]:
    """Return what an input that fails must leave as it was."""
    found: dict[str, Any] = {}
    for folder, folders, files in os.walk(place):
        folders[:] = [name for name in folders if name not in UNWATCHED]
        for name in [*files, *folders]:
            path = Path(folder) / name
            if name.startswith("mlflow.db"):
                continue
            status = path.lstat()
            content = (status.st_size, status.st_mtime_ns) if path.is_file() else ()
            found[str(path.relative_to(place))] = (status.st_mode, *content)
    for path in Path(tempfile.gettempdir()).iterdir():
        if owner_of(path) is not None:
            found[str(path)] = "temporary"
    with contextlib.closing(sqlite3.connect(place / "mlflow.db")) as store:
        for query in (
            "SELECT name, version, current_stage FROM model_versions",
            "SELECT name FROM registered_models",
            "SELECT name, alias, version FROM registered_model_aliases",
            "SELECT name, version, key, value FROM model_version_tags",
            "SELECT name, key, value FROM registered_model_tags",
            "SELECT run_uuid FROM runs WHERE status = 'RUNNING'",
            "SELECT model_id FROM logged_models WHERE status = 1",
        ):
            found[query] = sorted(store.execute(query).fetchall())
    return found


def run(
    case: Case, place: Path, command: Callable[..., Any], is_fitted: Callable[[], bool]
) -> Outcome:
    """Run one input in `place`."""
    before = state(place)
    try:
        with limited():
            outcome = _classify(case, command)
    except HangError:
        outcome = Outcome("hang")
    except BaseException as error:
        outcome = Outcome("traceback", f"{type(error).__module__}.{type(error).__name__}: {error}")
    if outcome.kind == "one error":
        after = state(place)
        changed = [key for key in before.keys() | after.keys() if before.get(key) != after.get(key)]
        if changed:
            return Outcome("half-done", f"{sorted(changed)}; {outcome.text}")
        if is_fitted() and not case.fits:
            return Outcome("late", f"the model was fitted first; {outcome.text}")
    return outcome


def _classify(case: Case, command: Callable[..., Any]) -> Outcome:
    if case.call is not None:
        try:
            with contextlib.redirect_stderr(io.StringIO()):
                case.call()
        except PactError as error:
            return _judge(case, f"error: {error}", error.exit_status)
        status, text = 0, ""
    else:
        ended = command(*case.arguments)
        status, text = ended.status, ended.err
    if status == 0:
        return Outcome("accepted", text) if case.accepted else Outcome("silent", text)
    return _judge(case, text, status)


def _judge(case: Case, text: str, status: int) -> Outcome:
    """Return `one error`, or what is wrong with the text of an error."""
    if "Traceback" in text:
        return Outcome("traceback", text)
    start = re.search(r"^error: ", text, re.MULTILINE)
    message = text[start.start() :] if start else ""
    lines = message.splitlines()
    faults = [
        fault
        for fault, found in {
            "no error": not message.strip(),
            "no remedy": len(lines) < 2,
            "long": len(lines) > 14 or len(message) > 2500 + 2 * sum(map(len, case.arguments)),
            "control characters": bool(CONTROL.search(message)),
            "two errors": message.count("\nerror: ") > 0,
            f"status {status}": status not in ({1, 2} if case.status is None else {case.status}),
        }.items()
        if found
    ]
    faults += [f"does not name {name!r}" for name in case.names if name not in message]
    return Outcome("unclear", f"{faults}: {text}") if faults else Outcome("one error", message)
