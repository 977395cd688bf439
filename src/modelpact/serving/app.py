"""The FastAPI application of a model: its routes, and what they do about bounds and faults."""

from __future__ import annotations

import asyncio
import functools
import json
import logging
import re
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, Any

import anyio.to_thread
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import (
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    Response,
    StreamingResponse,
)
from fastapi.routing import APIRoute

from modelpact._internal.version import __version__
from modelpact.errors import OutputsError
from modelpact.serving.docs_page import PAGE_HEADERS, page
from modelpact.serving.http_errors import HttpError, to_http_error
from modelpact.serving.limits import Limits
from modelpact.serving.mlflow_protocol import invocation, parse_csv, question
from modelpact.serving.openapi import body_of_invocation, body_of_predict, responses
from modelpact.serving.redaction import PathRedactor
from modelpact.serving.request_body import DrainingResponse, media_type, parse_json, plain, read
from modelpact.serving.request_metrics import RequestMetrics
from modelpact.types import Outputs

if TYPE_CHECKING:
    from modelpact.loaders import Adapter

__all__ = ["create_app", "create_router"]

log = logging.getLogger(__name__)

Work = Callable[[], Any]


def create_app(adapter: Adapter, limits: Limits | None = None) -> FastAPI:
    """An application that serves a model and nothing else.

    Args:
        adapter: The model, as a loader gave it.
        limits: The bounds to keep.

    Example:
        >>> create_app.__name__  # app = create_app(CustomLoader().load("models:/diabetes/1"))
        'create_app'
    """
    app = FastAPI(
        title=adapter.uri,
        version=__version__,
        description=f"The model {adapter.uri} under its contract.",
        docs_url=None,  # FastAPI's own pages load their scripts from the internet
        redoc_url=None,
    )
    app.include_router(create_router(adapter, limits))

    async def docs() -> Response:
        return HTMLResponse(page(app.openapi()), headers=PAGE_HEADERS)

    app.add_api_route("/docs", docs, methods=["GET"], include_in_schema=False)
    return app


def create_router(adapter: Adapter, limits: Limits | None = None) -> APIRouter:
    """The routes of a model, for an application of your own: `app.include_router(create_router(adapter), prefix="/houses")`.

    Args:
        adapter: The model, as a loader gave it.
        limits: The bounds to keep; they are this router's alone.
    """
    service = _Service(adapter, limits or Limits())
    router = APIRouter(generate_unique_id_function=_operation)
    post = functools.partial(router.add_api_route, methods=["POST"], response_class=Response)
    asked, answered = body_of_predict(adapter), responses(adapter)
    post("/predict", service.predict, openapi_extra=asked, responses=answered)
    if hasattr(adapter.model, "predict_stream"):
        events: dict[str, Any] = {
            "description": "Server-sent events.",
            "content": {"text/event-stream": {}},
        }
        post(
            "/predict/stream",
            service.stream,
            openapi_extra=asked,
            responses={**answered, 200: events},
        )
    invoked = responses(adapter, key="predictions")
    post(
        "/invocations",
        service.invocations,
        openapi_extra=body_of_invocation(adapter),
        responses=invoked,
    )
    for path, answer in service.facts().items():
        kind = PlainTextResponse if path in {"/ping", "/metrics"} else JSONResponse
        router.add_api_route(path, answer, methods=["GET"], response_class=kind)
    return router


def _operation(route: APIRoute) -> str:
    """The name of a route in clients that are generated: `predict`, or `houses_predict` where it has a prefix."""
    return re.sub(r"\W+", "_", route.path_format).strip("_")


class _Service:
    """One model's requests: how many are under way, and how each ends."""

    def __init__(self, adapter: Adapter, limits: Limits) -> None:
        self._adapter = adapter
        self._limits = limits
        self._measures = RequestMetrics()
        self._threads: Any = None
        self._busy = 0
        self._shown = PathRedactor(adapter.signature).shown

    async def predict(self, request: Request) -> Response:
        """Answer rows of inputs under the contract."""

        async def prepared() -> Work:
            media_type(request, ("application/json",))
            body = await read(request, self._limits)
            return lambda: _dumped(self._answered(*question(parse_json(body), self._of_columns())))

        return await self._guarded("/predict", prepared)

    async def invocations(self, request: Request) -> Response:
        """Answer a request in MLflow's scoring protocol."""
        schema = self._adapter.signature.inputs

        async def prepared() -> Work:
            kind = media_type(request, ("application/json", "text/csv"))
            body = await read(request, self._limits)

            def work() -> bytes:
                inputs = (
                    (parse_csv(body, schema), None)
                    if kind == "text/csv"
                    else invocation(parse_json(body), schema)
                )
                return _dumped({"predictions": plain(self._adapter.predict(*inputs).prediction)})

            return work

        return await self._guarded("/invocations", prepared)

    async def stream(self, request: Request) -> Response:
        """Answer one row piece by piece, as server-sent events: `text` pieces, then `done`, or `error`."""

        async def prepared() -> Work:
            media_type(request, ("application/json",))
            body = await read(request, self._limits)
            return lambda: _begun(
                self._adapter.predict_stream(*question(parse_json(body), self._of_columns()))
            )

        return await self._guarded("/predict/stream", prepared, self._events)

    async def _guarded(
        self,
        path: str,
        prepare: Callable[[], Awaitable[Work]],
        respond: Callable[[Any], Response] | None = None,
    ) -> Response:
        started = time.perf_counter()
        try:
            if self._busy >= self._limits.max_concurrency:
                raise HttpError(
                    503, "BUSY", "too many requests are worked on", {"retry-after": "1"}
                )
            self._busy += 1
            try:
                work = await prepare()
            except BaseException:
                self._busy -= 1
                raise
            content = await self._in_time(work)
            response = (
                respond(content) if respond else Response(content, media_type="application/json")
            )
        except Exception as error:
            response = self._refused(path, error)
        self._measures.note(path, response.status_code, time.perf_counter() - started)
        return response

    def _refused(self, path: str, error: Exception) -> Response:
        refusal = to_http_error(error, self._shown)
        if refusal.status == 500 and isinstance(error, OutputsError):
            places = ", ".join(
                f"{found.code} at {self._shown(found.path) or '/'}" for found in error.failures
            )
            log.error("%s: the model's answer breaks its contract: %s", path, places)
        elif refusal.status in {500, 502}:
            log.error("%s: status %d: %s", path, refusal.status, _without_data(error))
        elif refusal.status == 504:
            log.error(
                "%s: status 504: the model works for longer than %g s", path, self._limits.timeout
            )
        if refusal.unread:
            return DrainingResponse(refusal, self._limits)
        return JSONResponse(refusal.body, refusal.status, refusal.headers)

    async def _in_time(self, work: Work) -> Any:
        """Do the work in a thread; it counts as under way until it has really ended, also when nobody waits any longer."""
        if self._threads is None:
            self._threads = anyio.CapacityLimiter(self._limits.max_concurrency)

        async def counted() -> Any:
            try:
                return await anyio.to_thread.run_sync(work, limiter=self._threads)
            finally:
                self._busy -= 1

        task = asyncio.ensure_future(counted())
        done, _ = await asyncio.wait({task}, timeout=self._limits.timeout)
        if not done:
            task.add_done_callback(lambda late: late.cancelled() or late.exception())
            raise HttpError(
                504, "MODEL_TOO_SLOW", f"the model did not answer within {self._limits.timeout:g} s"
            )
        return task.result()

    def _answered(self, inputs: Any, params: dict[str, Any] | None) -> dict[str, Any]:
        outputs: Outputs = self._adapter.predict(inputs, params)
        metadata = dict(outputs.metadata)
        if "fallback" in metadata:  # the error's kind will do: its text is for who runs the server
            metadata["fallback"] = str(metadata["fallback"]).partition(":")[0]
        return {"prediction": plain(outputs.prediction), "metadata": plain(metadata)}

    def _events(self, pieces: Iterator[str]) -> Response:
        async def events() -> AsyncIterator[str]:
            try:
                while (
                    piece := await anyio.to_thread.run_sync(
                        next, pieces, None, limiter=self._threads
                    )
                ) is not None:
                    yield f"event: text\ndata: {json.dumps({'text': piece})}\n\n"
                yield "event: done\ndata: {}\n\n"
            except Exception as error:
                refusal = bytes(self._refused("/predict/stream", error).body).decode()
                yield f"event: error\ndata: {refusal}\n\n"

        def ended() -> None:
            self._busy -= 1

        self._busy += 1
        return _Events(pieces, ended, events())

    def _of_columns(self) -> bool:
        schema = self._adapter.signature.inputs
        return schema is not None and not schema.is_tensor_spec()

    def facts(self) -> dict[str, Callable[[], Any]]:
        """The routes that answer without the model."""
        import mlflow

        from modelpact.signature import digest, to_json_schema, to_spec

        adapter = self._adapter
        version = {"model": adapter.uri, "modelpact": __version__, "mlflow": mlflow.__version__}
        signed = {
            "signature": to_spec(adapter.signature),
            "digest": digest(adapter.signature),
            "json_schema": to_json_schema(adapter.signature),
        }

        async def ping() -> Response:
            """Whether the server is up."""
            return PlainTextResponse("\n")

        async def health() -> dict[str, Any]:
            """Whether the server is up, and how much it has to do."""
            return {
                "status": "ok",
                "under_way": self._busy,
                "at_most": self._limits.max_concurrency,
            }

        async def versions() -> dict[str, str]:
            """Which model is served, and by what."""
            return version

        async def signature() -> dict[str, Any]:
            """The contract: as one writes it, its digest, and as JSON Schema."""
            return signed

        async def metrics() -> Response:
            """Counts and times for Prometheus."""
            return Response(self._measures.text(self._busy), media_type=self._measures.media_type)

        return {
            "/ping": ping,
            "/health": health,
            "/version": versions,
            "/signature": signature,
            "/metrics": metrics,
        }


class _Events(StreamingResponse):
    """A stream that ends what it was made of, also where the client went away."""

    def __init__(
        self, pieces: Iterator[str], ended: Callable[[], None], events: AsyncIterator[str]
    ) -> None:
        super().__init__(
            events, media_type="text/event-stream", headers={"cache-control": "no-store"}
        )
        self._pieces = pieces
        self._ended = ended

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._ended()
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(self._pieces.close)  # type: ignore[attr-defined]


def _begun(pieces: Iterator[str]) -> Iterator[str]:
    """The pieces, of which the first has come: until then a failure is a status, and not an event."""
    first = next(pieces, None)

    def all_of_them() -> Iterator[str]:
        try:
            if first is not None:
                yield first
                yield from pieces
        finally:
            pieces.close()  # type: ignore[attr-defined]

    return all_of_them()


def _dumped(answer: Any) -> bytes:
    text = json.dumps(answer, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    try:
        return text.encode()
    except UnicodeEncodeError:  # a model may answer with half a character, which JSON can escape
        return json.dumps(answer, separators=(",", ":"), allow_nan=False).encode()


def _without_data(error: BaseException) -> str:
    """An error for the log: the kinds in its chain and where they were raised, without texts, which may hold a client's data."""
    chain: list[BaseException] = []
    found: BaseException | None = error
    while found is not None and found not in chain and len(chain) < 10:
        chain.append(found)
        found = found.__cause__ or (None if found.__suppress_context__ else found.__context__)
    return ", caused by ".join(f"{type(each).__name__} at {_place(each)}" for each in chain)


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "?"
