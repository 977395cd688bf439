"""The four clients of a model that `parity` compares, and the outcomes of their calls."""

from __future__ import annotations

import contextlib
import copy
import json
import logging
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from modelpact._internal.log_levels import log_level
from modelpact.errors import InputsError, PactError
from modelpact.signature.enforcement.columns import object_array

if TYPE_CHECKING:
    from anyio.from_thread import BlockingPortal
    from mlflow.pyfunc import PyFuncModel

    from modelpact.loaders import Adapter

__all__ = ["CLIENTS", "CallResult", "HttpClient", "Payload", "call_adapter", "call_pyfunc"]

CLIENTS = ("python", "pyfunc", "predict", "invocations")
"""`Adapter.predict`, `PyFuncModel.predict`, `POST /predict`, `POST /invocations`."""

Verdict = Literal["accepted", "rejected", "failed"]


@dataclass(frozen=True, slots=True)
class Payload:
    """The arguments of one call.

    Attributes:
        kind: `example` (the stored one), `sampled` (some of its rows), `generated`, or the kind of
            the violation.
        inputs: The inputs.
        params: Inference parameters.
        path: The path of the violation; empty for valid payloads.
    """

    kind: str
    inputs: Any
    params: dict[str, Any] | None
    path: str = ""


@dataclass(frozen=True, slots=True)
class CallResult:
    """The outcome of one call.

    Attributes:
        verdict: `accepted`; `rejected` if the payload violates the signature; `failed` if it
            conforms and there is nevertheless no prediction.
        reason: The class of the error, or the status and error code of the response.
        prediction: The prediction; None if there is none.
    """

    verdict: Verdict
    reason: str = ""
    prediction: Any = None


def call_adapter(adapter: Adapter, payload: Payload) -> CallResult:
    """Call the adapter."""
    try:
        outputs = adapter.predict(payload.inputs, payload.params)
        return CallResult("accepted", prediction=outputs.prediction)
    except InputsError as error:
        return CallResult("rejected", type(error).__name__)
    except PactError as error:
        return CallResult("failed", type(error).__name__)


def call_pyfunc(pyfunc: PyFuncModel, payload: Payload) -> CallResult:
    """Call a model through MLflow, with copies: MLflow may modify its arguments."""
    from mlflow.exceptions import MlflowException

    try:
        inputs, params = _copy_inputs(payload.inputs), copy.deepcopy(payload.params)
        prediction = pyfunc.predict(inputs, params=params)
        return CallResult("accepted", prediction=prediction)
    except InputsError as error:
        return CallResult("rejected", type(error).__name__)
    except MlflowException as error:
        is_rejected = error.error_code in {"INVALID_PARAMETER_VALUE", "BAD_REQUEST"}
        return CallResult("rejected" if is_rejected else "failed", type(error).__name__)
    # A model may raise anything.
    except Exception as error:
        return CallResult("failed", type(error).__name__)


def _copy_inputs(inputs: Any) -> Any:
    """Return a deep copy; that of pandas shares the objects in the cells."""
    if not hasattr(inputs, "columns"):
        return copy.deepcopy(inputs)
    frame = inputs.copy()
    for index, dtype in enumerate(frame.dtypes):
        if dtype.kind == "O":
            frame.isetitem(index, object_array(copy.deepcopy(frame.iloc[:, index].tolist())))
    return frame


class HttpClient:
    """Calls the FastAPI application of a model in this process, through real HTTP messages.

    Args:
        adapter: The model.
        timeout: Seconds per prediction.
    """

    def __init__(self, adapter: Adapter, timeout: float = 600.0) -> None:
        from httpx2 import ASGITransport, AsyncClient

        from modelpact.serving.app import create_app
        from modelpact.serving.limits import Limits

        app = create_app(adapter, Limits(max_bytes=2**31, timeout=timeout))
        self._client = AsyncClient(
            transport=ASGITransport(app=app), base_url="http://localhost", trust_env=False
        )
        self._portal: BlockingPortal

    @contextlib.contextmanager
    def open(self) -> Iterator[HttpClient]:
        """Run the application in an event loop of its own while the block lasts."""
        from anyio.from_thread import start_blocking_portal

        with start_blocking_portal() as self._portal, _silence():
            yield self
            self._portal.call(self._client.aclose)

    def post(self, path: Literal["/predict", "/invocations"], body: Any) -> CallResult:
        """Post a body as JSON."""
        content = json.dumps(body, allow_nan=False).encode()
        status, found = self._portal.call(self._post, path, content)
        if status == 200:
            key = "prediction" if path == "/predict" else "predictions"
            return CallResult("accepted", prediction=found[key])
        verdict: Verdict = "rejected" if status in {400, 422} else "failed"
        return CallResult(verdict, f"{status} {found['error_code']}")

    async def _post(self, path: str, content: bytes) -> tuple[int, dict[str, object]]:
        headers = {"content-type": "application/json"}
        response = await self._client.post(path, content=content, headers=headers)
        return response.status_code, json.loads(response.content)


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Suppress logs and warnings: many payloads are meant to be rejected."""
    with (
        log_level(logging.CRITICAL, "mlflow", "modelpact.serving"),
        warnings.catch_warnings(action="ignore"),
    ):
        yield
