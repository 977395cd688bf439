"""Prometheus metrics of a server."""

from __future__ import annotations

__all__ = ["RequestMetrics"]


class RequestMetrics:
    """Counts requests and measures their duration, in a registry of its own per application."""

    def __init__(self) -> None:
        from prometheus_client import (
            CONTENT_TYPE_LATEST,
            CollectorRegistry,
            Counter,
            Gauge,
            Histogram,
        )

        self.media_type = CONTENT_TYPE_LATEST
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "modelpact_requests",
            "Requests by path and status",
            ["path", "status"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            "modelpact_request_seconds",
            "Duration of requests in seconds",
            ["path"],
            registry=self._registry,
        )
        self._in_progress = Gauge(
            "modelpact_requests_in_progress", "Requests in progress", registry=self._registry
        )

    def observe(self, path: str, status: int, seconds: float) -> None:
        """Record a finished request."""
        self._requests.labels(path, str(status)).inc()
        self._seconds.labels(path).observe(seconds)

    def render(self, in_progress: int) -> bytes:
        """Return all metrics in Prometheus' text format.

        Args:
            in_progress: The number of requests in progress.
        """
        from prometheus_client import generate_latest

        self._in_progress.set(in_progress)
        return bytes(generate_latest(self._registry))
