"""Stores on servers: bounded retries, credentials outside of URIs, detection of failures."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import unquote, urlsplit, urlunsplit
from urllib.request import getproxies, proxy_bypass

from modelpact._internal.causes import iter_causes
from modelpact._internal.text import truncate

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = [
    "RETRY_SETTINGS",
    "bounded_retries",
    "connect",
    "create_once",
    "log_failure",
    "restored_environment",
    "schema_lock",
    "set_environment",
    "short_timeouts",
    "split_credentials",
    "store_failure",
    "uses_proxy",
]

log = logging.getLogger(__name__)

T = TypeVar("T")

RETRIES, TIMEOUT = "MLFLOW_HTTP_REQUEST_MAX_RETRIES", "MLFLOW_HTTP_REQUEST_TIMEOUT"

RETRY_SETTINGS = {
    RETRIES: "4",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    TIMEOUT: "60",
    "PGCONNECT_TIMEOUT": "10",
}
"""Limits of a request: five attempts in 15 seconds if the server fails, 60 seconds each if not.

MLflow's defaults allow 4 and 16 minutes, for each of the forty requests of a run.
"""

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
"""Libraries whose errors mean a failure of the store when MLflow's store raises them."""


_FAILED_REQUEST = re.compile(
    r"API request to (?:endpoint )?(\S+) failed with"
    r" (?:exception|timeout|error code (5\d\d))"
)
"""MLflow's message about a request that failed."""


@contextlib.contextmanager
def set_environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables within the context."""
    with restored_environment(values):
        os.environ.update(values)
        yield


@contextlib.contextmanager
def restored_environment(names: Iterable[str]) -> Iterator[dict[str, str | None]]:
    """Restore environment variables on exit; yield their values, None for unset ones."""
    before = {name: os.environ.get(name) for name in names}
    try:
        yield before
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def bounded_retries() -> contextlib.AbstractContextManager[None]:
    """Bound MLflow's retries within the context; variables that the user has set are kept."""
    return set_environment({k: v for k, v in RETRY_SETTINGS.items() if k not in os.environ})


def short_timeouts(error: BaseException | None) -> contextlib.AbstractContextManager[None]:
    """Try each request once, briefly, within the context if `error` is a failure of the store."""
    return set_environment({RETRIES: "0", TIMEOUT: "5"} if store_failure(error) else {})


@contextlib.contextmanager
def log_failure(what: str) -> Iterator[None]:
    """Log an exception as a warning that starts with `what`, instead of raising it."""
    try:
        yield
    # A result or an earlier exception must reach the caller although the store fails.
    except Exception as error:
        log.warning("%s: %s", what, truncate(store_failure(error) or error, 300))


def create_once(create: Callable[[], T], find: Callable[[], T | None]) -> T:
    """Create an entity on a server, exactly once.

    MLflow repeats a request without a response; if only the response was lost, it would create the
    entity twice.

    Args:
        create: Create the entity.
        find: Return the entity, or None if it was not created.
    """
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    attempts = int(os.environ.get(RETRIES, RETRY_SETTINGS[RETRIES])) + 1
    for attempt in range(1, attempts + 1):
        try:
            with set_environment({RETRIES: "0"}):
                return create()
        except (MlflowException, SQLAlchemyError, OSError) as error:
            if not store_failure(error):
                raise
            found = find()
            if found is not None:
                return found
            if attempt == attempts:
                raise
        time.sleep(min(2.0 ** (attempt - 1), 8.0))
    raise AssertionError("unreachable: there is at least one attempt")


def split_credentials(uri: str) -> tuple[str, dict[str, str]]:
    """Return a URI without its password, and the environment variables that hold the password.

    MLflow and the PostgreSQL drivers read such variables; other URIs keep their password.

    Example:
        >>> split_credentials("postgresql://ann:s3cr3t@db/mlflow")
        ('postgresql://ann@db/mlflow', {'PGPASSWORD': 's3cr3t'})
    """
    try:
        parts = urlsplit(uri)
    # Half an IPv6 address; opening it raises a clear error.
    except ValueError:
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
        bare = urlunsplit(parts._replace(netloc=f"{user}@{host}" if user else host))
        return bare, {"PGPASSWORD": password}
    return uri, {}


def uses_proxy(scheme: str, host: str) -> bool:
    """Return whether requests to a host go through an HTTP proxy.

    The host itself may then be unreachable from this machine.
    """
    return scheme in getproxies() and not proxy_bypass(host)


@contextlib.contextmanager
def connect(uri: str) -> Iterator[Connection]:
    """Open a separate connection to a database; its locks are released when it is closed."""
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    with create_engine(uri, poolclass=NullPool).connect() as opened:
        yield opened


@contextlib.contextmanager
def schema_lock(uri: str) -> Iterator[None]:
    """Lock a PostgreSQL database while its tables are created; a no-op for other stores."""
    if not uri.startswith("postgresql"):
        yield
        return
    from sqlalchemy import inspect, text

    with connect(uri) as opened:
        if not inspect(opened).has_table("alembic_version"):
            opened.execute(text("SELECT pg_advisory_lock(hashtext('modelpact'))"))
        yield


def store_failure(error: BaseException | None) -> str:
    """Return a short description of a failure of the store; empty for any other error."""
    return next(filter(None, map(_describe, iter_causes(error))), "")


def _describe(error: BaseException) -> str:
    text = str(error)
    module = type(error).__module__
    if module == "mlflow.exceptions":
        is_unavailable = getattr(error, "error_code", "") == "TEMPORARILY_UNAVAILABLE"
        return _describe_request(text) or (truncate(text, 200) if is_unavailable else "")
    if module.partition(".")[0] in _LIBRARIES and _raised_by_store(error):
        return _reason(text)
    return ""


def _describe_request(text: str) -> str:
    """Return the path and the fault of a failed request; empty for any other text."""
    request = _FAILED_REQUEST.match(text)
    if request is None:
        return ""
    path = urlsplit(request[1]).path or request[1]
    return f"{path}: {f'HTTP status {request[2]}' if request[2] else _reason(text)}"


def _reason(text: str) -> str:
    """Return the innermost cause in the text of an error of requests and urllib3."""
    inner = re.findall(r"Caused by (\w+)\((.*)\)\)", text, re.DOTALL)
    if inner:
        kind, cause = inner[-1]
        quoted = re.search(r"'([^']*)'\s*$", cause) or re.search(r"\"([^\"]*)\"\s*$", cause)
        text = quoted[1] if quoted else cause.rpartition(": ")[2] or kind
    return truncate(text.partition("\n(Background on")[0], 200)


def _raised_by_store(error: BaseException) -> bool:
    trace = error.__traceback__
    while trace is not None:
        module = str(trace.tb_frame.f_globals.get("__name__", ""))
        if module.startswith(
            ("mlflow.store.", "mlflow.utils.rest_utils", "mlflow.utils.request_utils")
        ):
            return True
        trace = trace.tb_next
    return False
