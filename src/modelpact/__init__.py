"""modelpact publishes MLflow models under a contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelpact._internal.lazy import lazy

if TYPE_CHECKING:
    from modelpact.errors import PactError
    from modelpact.loaders import Adapter
    from modelpact.models import Model
    from modelpact.pipeline import publish
    from modelpact.types import Check, Outputs, Receipt, Sample, Verdict

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
        "Adapter": "modelpact.loaders",
        "Check": "modelpact.types",
        "Model": "modelpact.models",
        "Outputs": "modelpact.types",
        "PactError": "modelpact.errors",
        "Receipt": "modelpact.types",
        "Sample": "modelpact.types",
        "Verdict": "modelpact.types",
        "__version__": "modelpact._internal.version",
        "publish": "modelpact.pipeline",
    },
)
