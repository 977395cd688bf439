"""modelpact publishes MLflow models under a contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelpact.exports import lazy

if TYPE_CHECKING:
    from modelpact.errors import PactError
    from modelpact.models import Adapter, Model
    from modelpact.pipeline import publish
    from modelpact.schemas import Check, Outputs, Receipt, Sample, Verdict

__all__ = [
    "Adapter",
    "Check",
    "Model",
    "Outputs",
    "PactError",
    "Receipt",
    "Sample",
    "Verdict",
    "__version__",
    "publish",
]

__getattr__ = lazy(
    __name__,
    {
        "Adapter": "modelpact.models",
        "Check": "modelpact.schemas",
        "Model": "modelpact.models",
        "Outputs": "modelpact.schemas",
        "PactError": "modelpact.errors",
        "Receipt": "modelpact.schemas",
        "Sample": "modelpact.schemas",
        "Verdict": "modelpact.schemas",
        "__version__": "modelpact.release",
        "publish": "modelpact.pipeline",
    },
)
