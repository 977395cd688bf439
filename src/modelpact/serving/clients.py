"""The four ways to ask a model: our adapter, plain `mlflow.pyfunc`, `/predict` and `/invocations`; what each of them says."""

from __future__ import annotations

import contextlib
import copy
import json
import logging
import warnings
from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from modelpact.errors import InputsError, PactError
from modelpact.signature.enforcement.columns import object_array

if TYPE_CHECKING:
    from mlflow.pyfunc import PyFuncModel

    from modelpact.loaders import Adapter

__all__ = ["CLIENTS", "CallResult", "Http", "ask_adapter", "ask_pyfunc"]

CLIENTS = ("python", "pyfunc", "predict", "invocations")
"""`Adapter.predict`, `mlflow.pyfunc.load_model(...).predict`, `POST /predict`, `POST /invocations`."""


@dataclass(frozen=True, slots=True)
class CallResult:
    """What one way said to a payload.

    Attributes:
        verdict: `accepted`; `refused`, because the payload breaks the contract; `failed`, because there is no answer to give.
        reason: The kind of the error, or the error code of the response.
        answer: The prediction; None where there is none.
    """

    verdict: Literal["accepted", "refused", "failed"]
    reason: str = ""
    answer: Any = None


def ask_adapter(adapter: Adapter, inputs: Any, params: dict[str, Any] | None) -> CallResult:
    """Ask our adapter."""
    try:
        return CallResult("accepted", answer=adapter.predict(inputs, params).prediction)
    except InputsError as error:
        return CallResult("refused", type(error).__name__)
    except PactError as error:
        return CallResult("failed", type(error).__name__)


def ask_pyfunc(pyfunc: PyFuncModel, inputs: Any, params: dict[str, Any] | None) -> CallResult:
    """Ask MLflow, which may write into what it is given: it gets a copy."""
    from mlflow.exceptions import MlflowException

    try:
        return CallResult(
            "accepted", answer=pyfunc.predict(_copied(inputs), params=copy.deepcopy(params))
        )
    except (InputsError, MlflowException) as error:
        refused = getattr(error, "error_code", "INVALID_PARAMETER_VALUE") in {
            "INVALID_PARAMETER_VALUE",
            "BAD_REQUEST",
        }
        return CallResult("refused" if refused else "failed", type(error).__name__)
    except Exception as error:  # whatever the model raises
        return CallResult("failed", type(error).__name__)


def _copied(inputs: Any) -> Any:
    """A copy to its depths; that of pandas shares what is in its cells."""
    if not hasattr(inputs, "columns"):
        return copy.deepcopy(inputs)
    frame = inputs.copy()
    for place, dtype in enumerate(frame.dtypes):
        if dtype.kind == "O":
            frame.isetitem(place, object_array(copy.deepcopy(frame.iloc[:, place].tolist())))
    return frame


class Http:
    """The FastAPI application of a model, asked in this process: every byte of a request and of its response is there.

    Args:
        adapter: The model.
        seconds: How long it may take for one answer.
    """

    def __init__(self, adapter: Adapter, seconds: float = 600.0) -> None:
        from modelpact.serving.app import create_app
        from modelpact.serving.limits import Limits

        self._app = create_app(adapter, Limits(max_bytes=2**31, timeout=seconds))
        self._portal: Any = None

    @contextlib.contextmanager
    def open(self) -> Iterator[Http]:
        """Run the application, in one event loop of its own, as long as the block lasts."""
        from anyio.from_thread import start_blocking_portal

        with start_blocking_portal() as self._portal, _quiet():
            yield self

    def ask(self, path: Literal["/predict", "/invocations"], body: Any) -> CallResult:
        """Post a body as JSON."""
        status, content = self._portal.call(
            self._post, path, json.dumps(body, allow_nan=False).encode()
        )
        found = json.loads(content)
        if status == 200:
            return CallResult(
                "accepted", answer=found["prediction" if path == "/predict" else "predictions"]
            )
        return CallResult(
            "refused" if status in {400, 422} else "failed", f"{status} {found['error_code']}"
        )

    async def _post(self, path: str, content: bytes) -> tuple[int, bytes]:
        status, answer, sent = 0, bytearray(), False
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "scheme": "http",
            "method": "POST",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": b"",
            "headers": [
                (b"content-type", b"application/json"),
                (b"content-length", str(len(content)).encode()),
            ],
            "client": ("127.0.0.1", 0),
            "server": ("127.0.0.1", 80),
        }

        async def receive() -> MutableMapping[str, Any]:
            nonlocal sent
            if sent:
                return {"type": "http.disconnect"}
            sent = True
            return {"type": "http.request", "body": content, "more_body": False}

        async def send(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            status = message.get("status", status)
            answer.extend(message.get("body", b""))

        await self._app(scope, receive, send)
        return status, bytes(answer)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Nothing is logged of payloads that are meant to be refused, and nothing is warned of."""
    loggers = [logging.getLogger(name) for name in ("mlflow", "modelpact.serving")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
