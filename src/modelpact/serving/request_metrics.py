"""What a server measures about itself, for Prometheus."""

from __future__ import annotations

__all__ = ["RequestMetrics"]


class RequestMetrics:
    """Requests by path and status, their seconds, and how many are under way; a registry of its own, so that apps do not mix."""

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
            "modelpact_requests", "Requests answered", ["path", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "modelpact_request_seconds", "Seconds a request took", ["path"], registry=self._registry
        )
        self._busy = Gauge(
            "modelpact_requests_under_way", "Requests that are worked on", registry=self._registry
        )

    def note(self, path: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        self._requests.labels(path, str(status)).inc()
        self._seconds.labels(path).observe(seconds)

    def text(self, busy: int) -> bytes:
        """All of it in Prometheus' text format."""
        from prometheus_client import generate_latest

        self._busy.set(busy)
        return bytes(generate_latest(self._registry))
