"""The pipeline: `publish` takes a model from data to a registered version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelpact._internal.lazy import lazy

if TYPE_CHECKING:
    from modelpact.pipeline.model_functions import audit, load, log_model, sign, verify
    from modelpact.pipeline.runner import publish

__all__ = ["audit", "load", "log_model", "publish", "sign", "verify"]

__getattr__ = lazy(
    __name__,
    {
        "audit": ".model_functions",
        "load": ".model_functions",
        "log_model": ".model_functions",
        "publish": ".runner",
        "sign": ".model_functions",
        "verify": ".model_functions",
    },
)
