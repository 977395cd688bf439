"""The FastAPI application of a model: its routes, and how they apply limits and report errors."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import json
import logging
import re
import threading
import time
import traceback
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import anyio.to_thread
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from fastapi.routing import APIRoute

from modelpact._internal.causes import iter_causes
from modelpact._internal.schema_kinds import has_columns
from modelpact._internal.version import __version__
from modelpact.datatypes import to_json
from modelpact.errors import OutputsError
from modelpact.serving.docs_page import page_headers, render_docs_page
from modelpact.serving.event_stream import EventStreamResponse, start_stream
from modelpact.serving.http_errors import HttpError, to_http_error
from modelpact.serving.limits import Limits
from modelpact.serving.mlflow_protocol import (
    PARQUET,
    Call,
    as_mlflow_table,
    limit_cells,
    parse_csv,
    parse_invocation,
    parse_llm,
    parse_parquet,
    parse_predict,
)
from modelpact.serving.openapi import (
    describe_invocations_body,
    describe_predict_body,
    describe_responses,
)
from modelpact.serving.path_redactor import PathRedactor
from modelpact.serving.request_body import (
    LARGE_BODY,
    DrainingResponse,
    parse_json,
    parse_media_type,
    read_body,
)
from modelpact.serving.request_metrics import RequestMetrics
from modelpact.signature.enforcement.json_decoding import JsonDecoder

if TYPE_CHECKING:
    from modelpact.loaders import Adapter

__all__ = ["create_app", "create_router"]

log = logging.getLogger(__name__)

Work = Callable[[], Any]
"""Runs the model in a thread and returns the content of the response."""

MAX_CAUSES = 10
"""Causes of an exception that are logged at most."""


def create_app(adapter: Adapter, limits: Limits | None = None) -> FastAPI:
    """Return an application that serves one model.

    Args:
        adapter: The model, as a loader returned it.
        limits: The limits; None for the defaults.

    Example:
        >>> create_app.__name__  # app = create_app(CustomLoader().load("models:/diabetes/1"))
        'create_app'
    """
    # FastAPI's own pages load their scripts from the internet.
    app = FastAPI(
        title=adapter.uri,
        version=__version__,
        description=f"The model {adapter.uri}, with its signature enforced.",
        docs_url=None,
        redoc_url=None,
    )
    app.include_router(create_router(adapter, limits))

    async def docs() -> Response:
        return HTMLResponse(render_docs_page(app.openapi()), headers=page_headers())

    app.add_api_route("/docs", docs, methods=["GET"], include_in_schema=False)
    return app


def create_router(adapter: Adapter, limits: Limits | None = None) -> APIRouter:
    """Return the routes of a model, for an application of your own.

    Use it as `app.include_router(create_router(adapter), prefix="/houses")`.

    Args:
        adapter: The model, as a loader returned it.
        limits: The limits of this router; None for the defaults.
    """
    service = _Service(adapter, limits or Limits())
    router = APIRouter(generate_unique_id_function=_operation_id)
    post = functools.partial(router.add_api_route, methods=["POST"], response_class=Response)
    body, responses = describe_predict_body(adapter), describe_responses(adapter)
    post("/predict", service.predict, openapi_extra=body, responses=responses)
    if hasattr(adapter.model, "predict_stream"):
        events = {"description": "Server-sent events.", "content": {"text/event-stream": {}}}
        responses = {**responses, 200: events}
        post("/predict/stream", service.stream, openapi_extra=body, responses=responses)
    post(
        "/invocations",
        service.invocations,
        openapi_extra=describe_invocations_body(adapter),
        responses=describe_responses(adapter, key="predictions"),
    )
    for path, respond in service.info_routes().items():
        kind = PlainTextResponse if path in {"/ping", "/version", "/metrics"} else JSONResponse
        router.add_api_route(path, respond, methods=["GET"], response_class=kind)
    return router


def _operation_id(route: APIRoute) -> str:
    """Return the name of a route in generated clients, such as `predict` or `houses_predict`."""
    return re.sub(r"\W+", "_", route.path_format).strip("_")


class _Service:
    """The requests of one model: counts those in progress and responds to each.

    Args:
        adapter: The model.
        limits: The limits.
    """

    def __init__(self, adapter: Adapter, limits: Limits) -> None:
        self._adapter = adapter
        self._limits = limits
        self._metrics = RequestMetrics()
        self._limiter: anyio.CapacityLimiter
        self._in_progress = 0
        self._large_body_lock = threading.Lock()
        self._redact = PathRedactor(adapter.signature).redact
        schema = adapter.signature.inputs
        self._base64 = JsonDecoder(schema)
        self._has_columns = has_columns(schema)

    async def predict(self, request: Request) -> Response:
        """Predict rows of inputs."""

        async def prepare() -> Work:
            parse_media_type(request, ("application/json",))
            body = await read_body(request, self._limits)
            lock = self._lock_for(body)

            def work() -> bytes:
                with lock:
                    inputs, params = self._parse_predict(body)
                return _to_json(self._predict(inputs, params, lock))

            return work

        return await self._handle("/predict", prepare)

    async def invocations(self, request: Request) -> Response:
        """Predict in MLflow's scoring protocol."""

        async def prepare() -> Work:
            media_type = parse_media_type(request, ("application/json", "text/csv", PARQUET))
            body = await read_body(request, self._limits)

            lock = self._lock_for(body)

            def work() -> bytes:
                with lock:
                    inputs, params, is_llm_call = self._parse_invocation(media_type, body)
                outputs = self._adapter.predict(inputs, params, check_lock=lock)
                content = to_json(as_mlflow_table(outputs.prediction))
                return _to_json(content if is_llm_call else {"predictions": content})

            return work

        return await self._handle("/invocations", prepare)

    async def stream(self, request: Request) -> Response:
        """Predict one row as server-sent events: `text` events, then `done` or `error`."""

        async def prepare() -> Work:
            parse_media_type(request, ("application/json",))
            body = await read_body(request, self._limits)
            return lambda: start_stream(self._adapter.predict_stream(*self._parse_predict(body)))

        return await self._handle("/predict/stream", prepare, self._stream_response)

    def _lock_for(self, body: bytes) -> contextlib.AbstractContextManager[object]:
        """Return the lock to hold while a body is parsed and checked.

        Both hold the GIL most of the time, so that several large bodies would delay all requests.
        """
        return self._large_body_lock if len(body) > LARGE_BODY else contextlib.nullcontext()

    def _parse_invocation(
        self, media_type: str, body: bytes
    ) -> tuple[Any, dict[str, Any] | None, bool]:
        """Return the inputs and params of `/invocations`, and whether it has no envelope."""
        signature = self._adapter.signature
        llm_call = None
        if media_type == "application/json":
            parsed = parse_json(body, allow_nan=True)
            llm_call = parse_llm(parsed, signature.params)
            call: Call = llm_call or parse_invocation(parsed, signature.inputs)
        elif media_type == "text/csv":
            call = parse_csv(body, signature.inputs), None
        else:
            call = parse_parquet(body, self._limits.max_bytes, signature.inputs), None
        inputs, params = call
        return self._decode(inputs), params, llm_call is not None

    def _decode(self, inputs: Any) -> Any:
        return self._base64.decode(limit_cells(inputs, self._adapter.signature.inputs))

    def _parse_predict(self, body: bytes) -> Call:
        inputs, params = parse_predict(parse_json(body), self._has_columns)
        return self._decode(inputs), params

    async def _handle(
        self,
        path: str,
        prepare: Callable[[], Awaitable[Work]],
        respond: Callable[[object], Response] | None = None,
    ) -> Response:
        """Read a request, run the model and return the response, or that of an error."""
        start = time.perf_counter()
        try:
            if self._in_progress >= self._limits.max_concurrency:
                raise HttpError(503, "BUSY", "too many concurrent requests", {"retry-after": "1"})
            self._in_progress += 1
            with contextlib.ExitStack() as on_failure:
                on_failure.callback(self._end_request)
                work = await prepare()
                on_failure.pop_all()
            respond = respond or functools.partial(Response, media_type="application/json")
            response = respond(await self._run(work))
        # Every exception becomes a response that does not contain its text.
        except Exception as error:
            response = self._error_response(path, error)
        self._metrics.observe(path, response.status_code, time.perf_counter() - start)
        return response

    def _error_response(self, path: str, error: Exception) -> Response:
        found = to_http_error(error, self._redact)
        self._log_error(path, error, found.status)
        if found.is_unread:
            return DrainingResponse(found, self._limits)
        return JSONResponse(found.body, found.status, found.headers)

    def _log_error(self, path: str, error: Exception, status: int) -> None:
        if status == 500 and isinstance(error, OutputsError):
            places = ", ".join(
                f"{violation.code} at {self._redact(violation.path) or '/'}"
                for violation in error.failures
            )
            log.error("%s: the prediction violates the signature: %s", path, places)
        elif status in {500, 502}:
            log.error("%s: status %d: %s", path, status, _describe_without_data(error))
        elif status == 504:
            timeout = self._limits.timeout
            log.error("%s: status 504: the model did not respond within %g s", path, timeout)

    async def _run(self, work: Work) -> Any:
        """Run the model in a thread.

        The request stays in progress until the thread has ended, even after a timeout.
        """
        # A limiter belongs to the event loop that is running.
        if not hasattr(self, "_limiter"):
            self._limiter = anyio.CapacityLimiter(self._limits.max_concurrency)

        async def run_counted() -> Any:
            try:
                return await anyio.to_thread.run_sync(work, limiter=self._limiter)
            finally:
                self._end_request()

        task = asyncio.ensure_future(run_counted())
        done, _ = await asyncio.wait({task}, timeout=self._limits.timeout)
        if not done:
            # Retrieve the late exception, or asyncio would log it with its text.
            task.add_done_callback(lambda late: late.cancelled() or late.exception())
            message = f"the model did not respond within {self._limits.timeout:g} s"
            raise HttpError(504, "MODEL_TOO_SLOW", message)
        return task.result()

    def _predict(
        self,
        inputs: object,
        params: dict[str, object] | None,
        lock: contextlib.AbstractContextManager[object],
    ) -> dict[str, Any]:
        outputs = self._adapter.predict(inputs, params, check_lock=lock)
        metadata = dict(outputs.metadata)
        if "fallback" in metadata:
            # The class of the error only: its text may contain data.
            metadata["fallback"] = str(metadata["fallback"]).partition(":")[0]
        return {
            "prediction": to_json(outputs.prediction),
            "metadata": to_json(metadata),
        }

    def _stream_response(self, chunks: Any) -> Response:
        self._in_progress += 1
        on_error = functools.partial(self._error_response, "/predict/stream")
        return EventStreamResponse(chunks, self._limiter, on_error, self._end_request)

    def _end_request(self) -> None:
        self._in_progress -= 1

    def info_routes(self) -> dict[str, Callable[[], Any]]:
        """Return the routes that do not call the model, by path."""
        import mlflow

        from modelpact.signature import digest, to_json_schema, to_spec

        adapter = self._adapter
        versions = {"model": adapter.uri, "modelpact": __version__, "mlflow": mlflow.__version__}
        signature_forms = {
            "signature": to_spec(adapter.signature),
            "digest": digest(adapter.signature),
            "json_schema": to_json_schema(adapter.signature),
        }

        async def ping() -> Response:
            """Check that the server is running."""
            return PlainTextResponse("\n")

        async def health() -> dict[str, Any]:
            """Return the model, the versions, the number of requests in progress and its limit."""
            return {
                "status": "ok",
                **versions,
                "in_progress": self._in_progress,
                "max_concurrency": self._limits.max_concurrency,
            }

        async def version() -> Response:
            """Return the version of MLflow, as MLflow's server does."""
            return PlainTextResponse(versions["mlflow"])

        async def signature() -> dict[str, Any]:
            """Return the signature as written in YAML and as JSON Schema, and its digest."""
            return signature_forms

        async def metrics() -> Response:
            """Return Prometheus metrics."""
            content = self._metrics.render(self._in_progress)
            return Response(content, media_type=self._metrics.media_type)

        return {
            "/ping": ping,
            "/health": health,
            "/version": version,
            "/signature": signature,
            "/metrics": metrics,
        }


def _to_json(content: object) -> bytes:
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    try:
        return text.encode()
    except UnicodeEncodeError:
        # A prediction may contain an unpaired surrogate, which JSON can escape.
        return json.dumps(content, separators=(",", ":"), allow_nan=False).encode()


def _describe_without_data(error: BaseException) -> str:
    """Return the classes of an exception and its causes, and where they were raised.

    The texts of exceptions may contain data of the client.
    """
    chain = itertools.islice(iter_causes(error), MAX_CAUSES)
    return ", caused by ".join(f"{type(one).__name__} at {_raised_at(one)}" for one in chain)


def _raised_at(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "?"
