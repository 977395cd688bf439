"""modelpact publishes MLflow models under a contract."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

from modelpact._internal.lazy import lazy

if TYPE_CHECKING:
    from modelpact.errors import PactError
    from modelpact.loaders import Adapter
    from modelpact.models import Model
    from modelpact.pipeline import audit, load, log_model, publish, sign, verify
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
    "audit",
    "load",
    "log_model",
    "publish",
    "sign",
    "verify",
]

__getattr__ = lazy(
    __name__,
    {
        "Adapter": ".loaders",
        "Check": ".types",
        "Model": ".models",
        "Outputs": ".types",
        "PactError": ".errors",
        "Receipt": ".types",
        "Sample": ".types",
        "Verdict": ".types",
        "__version__": "._internal.version",
        "audit": ".pipeline",
        "load": ".pipeline",
        "log_model": ".pipeline",
        "publish": ".pipeline",
        "sign": ".pipeline",
        "verify": ".pipeline",
    },
)

if "IPython" in sys.modules:
    # By name, so that the bundled code of a saved model does not contain it.
    importlib.import_module("modelpact.security.notebook_errors").shorten_tracebacks()
