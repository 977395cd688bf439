"""Logged models with an MLmodel file and nothing else, which are cheap to create."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import mlflow
import yaml

from modelpact.registers import MlflowRegister, record_checks
from modelpact.signature import parse
from modelpact.types import Check, Verdict

VERIFIED = Verdict((Check(code="PREDICTIONS_EQUAL", ok=True),))


def folder_of(uri: str) -> Path:
    """Return the folder of a saved model."""
    return Path(
        mlflow.MlflowClient().get_logged_model(uri.removeprefix("models:/")).artifact_location
    )


Status = Literal["READY", "FAILED", "PENDING"]


def save_stub(
    written: Any = None, *, text: str | None = None, status: Status = "READY", verified: bool = True
) -> str:
    """Create a logged model and return its URI.

    Args:
        written: The signature in YAML form; None for a model without one.
        text: The content of the MLmodel file, instead of a generated one.
        status: The status of the model.
        verified: Whether passed checks are recorded.
    """
    client = mlflow.MlflowClient()
    model = client.create_logged_model("0", name="model")
    folder = folder_of(model.model_uri)
    folder.mkdir(parents=True)
    fields = {"model_id": model.model_id, "flavors": {"python_function": {"loader_module": "none"}}}
    if written is not None:
        fields["signature"] = parse(written).to_dict()
    (folder / "MLmodel").write_text(
        yaml.safe_dump(fields) if text is None else text, encoding="utf-8"
    )
    if verified:
        record_checks(model.model_uri, VERIFIED)
    if status != "PENDING":
        client.finalize_logged_model(model.model_id, status)
    return str(model.model_uri)


def register_stub(written: Any, name: str = "sums", **options: Any) -> int:
    """Register a stub and return the number of its version."""
    version = MlflowRegister(**options).register(name, save_stub(written))
    return int(version.version)
