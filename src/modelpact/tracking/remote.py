"""Stores that are reached over a network: how long to try, what to keep out of addresses, and what their failures look like."""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import unquote, urlsplit, urlunsplit
from urllib.request import getproxies, proxy_bypass

from modelpact._internal.text import truncate

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = [
    "BOUNDS",
    "after",
    "alone",
    "bounded",
    "connection",
    "environment",
    "failure",
    "is_behind_a_proxy",
    "once",
    "separated",
]

T = TypeVar("T")

RETRIES, TIMEOUT = "MLFLOW_HTTP_REQUEST_MAX_RETRIES", "MLFLOW_HTTP_REQUEST_TIMEOUT"

BOUNDS = {
    RETRIES: "4",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    TIMEOUT: "60",
    "PGCONNECT_TIMEOUT": "10",
}
"""How long a request is tried: five times within some 15 seconds where the server refuses or fails, 60 seconds each where it
hangs. MLflow's own figures come to 4 minutes, and to 16, for each of the forty requests of a run."""

_LIBRARIES = frozenset(
    {
        "boto3",
        "botocore",
        "http",
        "psycopg",
        "psycopg2",
        "pymysql",
        "requests",
        "sqlalchemy",
        "urllib3",
    }
)
"""Whose errors mean, when they come out of MLflow's own store, that the store failed."""


@contextlib.contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables for a while."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def bounded() -> contextlib.AbstractContextManager[None]:
    """Bound MLflow's retries for a while, wherever the user has set no bound himself."""
    return environment({name: value for name, value in BOUNDS.items() if name not in os.environ})


def after(error: BaseException | None) -> contextlib.AbstractContextManager[None]:
    """What is still to be put into a store after an error is tried once, and quickly, if the error was the store's own."""
    return environment({RETRIES: "0", TIMEOUT: "5"} if failure(error) else {})


def once(create: Callable[[], T], find: Callable[[], T | None]) -> T:
    """Have a server create something, and only once.

    MLflow tries again when a server does not answer; where only the answer was lost, the thing would then be there twice.

    Args:
        create: Creates it.
        find: Finds it, if it was created; None where it was not.
    """
    attempts = int(os.environ.get(RETRIES, BOUNDS[RETRIES])) + 1
    for attempt in range(1, attempts + 1):
        try:
            with environment({RETRIES: "0"}):
                return create()
        except Exception as error:
            if not failure(error):
                raise
            found = find()
            if found is not None:
                return found
            if attempt == attempts:
                raise
        time.sleep(min(2.0 ** (attempt - 1), 8.0))
    raise AssertionError("at least one attempt was made")


def separated(uri: str) -> tuple[str, dict[str, str]]:
    """An address without its password, and the environment variables that MLflow or the database's driver takes it from.

    What has no such variable keeps its password.

    Example:
        >>> separated("postgresql://ann:s3cr3t@db/mlflow")
        ('postgresql://ann@db/mlflow', {'PGPASSWORD': 's3cr3t'})
    """
    try:
        parts = urlsplit(uri)
    except ValueError:  # half an IPv6 address: whoever opens it says so
        return uri, {}
    if not parts.password:
        return uri, {}
    password, host = unquote(parts.password), parts.netloc.rpartition("@")[2]
    if parts.scheme in {"http", "https"} and parts.username:
        variables = {
            "MLFLOW_TRACKING_USERNAME": unquote(parts.username),
            "MLFLOW_TRACKING_PASSWORD": password,
        }
        return urlunsplit(parts._replace(netloc=host)), variables
    if parts.scheme in {"postgresql", "postgresql+psycopg", "postgresql+psycopg2"}:
        user = parts.netloc.rpartition("@")[0].partition(":")[0]
        return urlunsplit(parts._replace(netloc=f"{user}@{host}" if user else host)), {
            "PGPASSWORD": password
        }
    return uri, {}


def is_behind_a_proxy(kind: str, host: str) -> bool:
    """Whether requests to a host go through an HTTP proxy, so that the host itself need not be reachable from here."""
    return kind in getproxies() and not proxy_bypass(host)


@contextlib.contextmanager
def connection(uri: str) -> Iterator[Connection]:
    """A connection of its own to a database; whatever it holds is let go with it."""
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    with create_engine(uri, poolclass=NullPool).connect() as opened:
        yield opened


@contextlib.contextmanager
def alone(uri: str) -> Iterator[None]:
    """Be the only one to make the tables of a PostgreSQL database, if it has none yet; nothing for any other store."""
    if not uri.startswith("postgresql"):
        yield
        return
    from sqlalchemy import inspect, text

    with connection(uri) as opened:
        if not inspect(opened).has_table("alembic_version"):
            opened.execute(text("SELECT pg_advisory_lock(hashtext('modelpact'))"))
        yield


def failure(error: BaseException | None) -> str:
    """What a store or its server did wrong, where an error comes from that, in a few words; empty where it does not."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        told = _told(error)
        if told:
            return told
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return ""


def _told(error: BaseException) -> str:
    text = str(error)
    kind = type(error)
    if kind.__module__ == "mlflow.exceptions":
        request = re.match(
            r"API request to (?:endpoint )?(\S+) failed with (?:exception|timeout|error code (5\d\d))",
            text,
        )
        if request is not None:
            path = urlsplit(request[1]).path or request[1]
            return f"{path}: {f'HTTP status {request[2]}' if request[2] else _reason(text)}"
        return (
            truncate(text, 200)
            if getattr(error, "error_code", "") == "TEMPORARILY_UNAVAILABLE"
            else ""
        )
    if kind.__module__.partition(".")[0] in _LIBRARIES and _came_through_a_store(error):
        return _reason(text)
    return ""


def _reason(text: str) -> str:
    """The end of a chain such as requests and urllib3 make of one fault."""
    inner = re.findall(r"Caused by (\w+)\((.*)\)\)", text, re.DOTALL)
    if inner:
        kind, said = inner[-1]
        quoted = re.search(r"'([^']*)'\s*$", said) or re.search(r"\"([^\"]*)\"\s*$", said)
        text = quoted[1] if quoted else said.rpartition(": ")[2] or kind
    return truncate(text.partition("\n(Background on")[0], 200)


def _came_through_a_store(error: BaseException) -> bool:
    trace = error.__traceback__
    while trace is not None:
        module = str(trace.tb_frame.f_globals.get("__name__", ""))
        if module.startswith(
            ("mlflow.store.", "mlflow.utils.rest_utils", "mlflow.utils.request_utils")
        ):
            return True
        trace = trace.tb_next
    return False
