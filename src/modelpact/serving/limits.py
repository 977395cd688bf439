"""The limits of a server."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Limits"]


class Limits(BaseModel):
    """The limits of a server.

    Attributes:
        max_bytes: The size of the largest request body; larger bodies get status 413 before they
            are read to the end.
        max_concurrency: The number of concurrent requests; further requests get status 503.
        timeout: Seconds that the model may take per request; then the status is 504.
        body_timeout: Seconds within which a request body must arrive; then the status is 408.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    max_bytes: int = Field(default=10_000_000, ge=1)
    max_concurrency: int = Field(default=32, ge=1)
    timeout: float = Field(default=60.0, gt=0)
    body_timeout: float = Field(default=30.0, gt=0)
