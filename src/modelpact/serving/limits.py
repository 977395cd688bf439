"""What a server takes upon itself: how large a body, how many at once, how long."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Limits"]


class Limits(BaseModel):
    """The bounds of a server.

    Attributes:
        max_bytes: The largest body that is read; a larger one is refused with 413 before it is read to its end.
        max_concurrency: How many requests are worked on at once; one more is refused with 503.
        timeout: Seconds that the model may take for a request; then the answer is 504.
        body_timeout: Seconds in which a body must have come; then the answer is 408.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    max_bytes: int = Field(default=10_000_000, ge=1)
    max_concurrency: int = Field(default=32, ge=1)
    timeout: float = Field(default=60.0, gt=0)
    body_timeout: float = Field(default=30.0, gt=0)
