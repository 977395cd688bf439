"""A model behind HTTP, typed by its contract: for `task=serve`, and for a FastAPI application of your own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelpact.exports import lazy

if TYPE_CHECKING:
    from modelpact.serving.app import create_app, create_router
    from modelpact.serving.limits import Limits

__all__ = ["Limits", "create_app", "create_router"]

__getattr__ = lazy(
    __name__,
    {
        "Limits": "modelpact.serving.limits",
        "create_app": "modelpact.serving.app",
        "create_router": "modelpact.serving.app",
    },
)
