"""HTTP serving: a FastAPI application for a model, typed by its signature."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelpact._internal.lazy import lazy

if TYPE_CHECKING:
    from modelpact.serving.app import create_app, create_router
    from modelpact.serving.limits import Limits
    from modelpact.serving.parity import Parity, compare
    from modelpact.serving.parity_verifier import ParityVerifier

__all__ = ["Limits", "Parity", "ParityVerifier", "compare", "create_app", "create_router"]

__getattr__ = lazy(
    __name__,
    {
        "Limits": ".limits",
        "Parity": ".parity",
        "ParityVerifier": ".parity_verifier",
        "compare": ".parity",
        "create_app": ".app",
        "create_router": ".app",
    },
)
