"""The FastAPI application of a model: its routes, and what they do about bounds and faults."""

from __future__ import annotations

import asyncio
import functools
import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, Any

import anyio.to_thread
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse

from modelpact.release import __version__
from modelpact.schemas import Outputs
from modelpact.serving.bodies import media_type, parse_json, plain, read
from modelpact.serving.documents import body_of_invocation, body_of_predict, responses
from modelpact.serving.envelopes import csv_table, invocation, question
from modelpact.serving.limits import Limits
from modelpact.serving.measures import Measures
from modelpact.serving.refusals import Refusal, refusal_of

if TYPE_CHECKING:
    from modelpact.models import Adapter

__all__ = ["create_app", "create_router"]

log = logging.getLogger(__name__)

Work = Callable[[], bytes]


def create_app(adapter: Adapter, limits: Limits | None = None) -> FastAPI:
    """An application that serves a model and nothing else.

    Args:
        adapter: The model, as a loader gave it.
        limits: The bounds to keep.

    Example:
        >>> create_app.__name__  # app = create_app(CustomLoader().load("models:/diabetes/1"))
        'create_app'
    """
    app = FastAPI(title=adapter.uri, version=__version__, description=f"The model {adapter.uri} under its contract.")
    app.include_router(create_router(adapter, limits))
    return app


def create_router(adapter: Adapter, limits: Limits | None = None) -> APIRouter:
    """The routes of a model, for an application of your own: `app.include_router(create_router(adapter), prefix="/houses")`.

    Args:
        adapter: The model, as a loader gave it.
        limits: The bounds to keep; they are this router's alone.
    """
    service = _Service(adapter, limits or Limits())
    router = APIRouter()
    post = functools.partial(router.add_api_route, methods=["POST"], response_class=Response)
    asked, answered = body_of_predict(adapter), responses(adapter)
    post("/predict", service.predict, openapi_extra=asked, responses=answered, operation_id="predict")
    if hasattr(adapter.model, "predict_stream"):
        events: dict[str, Any] = {"description": "Server-sent events.", "content": {"text/event-stream": {}}}
        streamed = {**answered, 200: events}
        post("/predict/stream", service.stream, openapi_extra=asked, responses=streamed, operation_id="stream")
    invoked = {**responses(adapter, key="predictions")}
    asked = body_of_invocation(adapter)
    post("/invocations", service.invocations, openapi_extra=asked, responses=invoked, operation_id="invocations")
    for path, answer in service.facts().items():
        router.add_api_route(path, answer, methods=["GET"], operation_id=path.strip("/"))
    return router


class _Service:
    """One model's requests: how many are under way, and how each ends."""

    def __init__(self, adapter: Adapter, limits: Limits) -> None:
        self._adapter = adapter
        self._limits = limits
        self._measures = Measures()
        self._threads: Any = None
        self._busy = 0

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
                inputs = (csv_table(body, schema), None) if kind == "text/csv" else invocation(parse_json(body), schema)
                return _dumped({"predictions": plain(self._adapter.predict(*inputs).prediction)})

            return work

        return await self._guarded("/invocations", prepared)

    async def stream(self, request: Request) -> Response:
        """Answer one row piece by piece, as server-sent events: `text` pieces, then `done`, or `error`."""

        async def prepared() -> Work:
            media_type(request, ("application/json",))
            body = await read(request, self._limits)
            inputs, params = question(parse_json(body), self._of_columns())
            return lambda: self._begun(self._adapter.predict_stream(inputs, params))  # type: ignore[return-value]

        return await self._guarded("/predict/stream", prepared, self._events)

    async def _guarded(
        self, path: str, prepare: Callable[[], Awaitable[Work]], respond: Callable[[Any], Response] | None = None
    ) -> Response:
        started = time.perf_counter()
        try:
            if self._busy >= self._limits.max_concurrency:
                raise Refusal(503, "BUSY", "too many requests are worked on", {"retry-after": "1"})
            self._busy += 1
            try:
                work = await prepare()
            except BaseException:
                self._busy -= 1
                raise
            content = await self._in_time(work)
            response = respond(content) if respond else Response(content, media_type="application/json")
        except Exception as error:
            refusal = refusal_of(error)
            if refusal.status == 500:
                log.exception("%s failed", path, exc_info=None if isinstance(error, Refusal) else _without_data(error))
            response = JSONResponse(refusal.body, refusal.status, refusal.headers)
        self._measures.note(path, response.status_code, time.perf_counter() - started)
        return response

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
            raise Refusal(504, "MODEL_TOO_SLOW", f"the model did not answer within {self._limits.timeout:g} s")
        return task.result()

    def _answered(self, inputs: Any, params: dict[str, Any] | None) -> dict[str, Any]:
        outputs: Outputs = self._adapter.predict(inputs, params)
        return {"prediction": plain(outputs.prediction), "metadata": plain(outputs.metadata)}

    @staticmethod
    def _begun(pieces: Iterator[str]) -> Iterator[str]:
        """The pieces, of which the first has come: until then a failure is a status, and not an event."""
        first = next(pieces, "")

        def all_of_them() -> Iterator[str]:
            yield first
            yield from pieces

        return all_of_them()

    def _events(self, pieces: Iterator[str]) -> Response:
        async def events() -> AsyncIterator[str]:
            try:
                while (piece := await anyio.to_thread.run_sync(next, pieces, None)) is not None:
                    yield f"event: text\ndata: {json.dumps({'text': piece})}\n\n"
                yield "event: done\ndata: {}\n\n"
            except Exception as error:
                yield f"event: error\ndata: {json.dumps(refusal_of(error).body)}\n\n"

        return StreamingResponse(events(), media_type="text/event-stream", headers={"cache-control": "no-store"})

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
            return {"status": "ok", "under_way": self._busy, "at_most": self._limits.max_concurrency}

        async def versions() -> dict[str, str]:
            """Which model is served, and by what."""
            return version

        async def signature() -> dict[str, Any]:
            """The contract: as one writes it, its digest, and as JSON Schema."""
            return signed

        async def metrics() -> Response:
            """Counts and times for Prometheus."""
            return Response(self._measures.text(self._busy), media_type=self._measures.media_type)

        return {"/ping": ping, "/health": health, "/version": versions, "/signature": signature, "/metrics": metrics}


def _dumped(answer: Any) -> bytes:
    return json.dumps(answer, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode("utf-8", "surrogatepass")


def _without_data(error: Exception) -> Any:
    """An error for the log: its kind and where it was raised, without its text, which may repeat what the client sent."""
    return (type(error), type(error)("(its text is left out: it may hold a client's data)"), error.__traceback__)
