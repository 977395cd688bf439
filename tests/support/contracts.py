"""Models that are nothing but their contract, in the open store: what a register asks about is there, and making one is cheap."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlflow
import yaml

from modelpact.registers import MlflowRegister, record_checks
from modelpact.signature import parse
from modelpact.types import Check, Verdict

VERIFIED = Verdict((Check(code="PREDICTIONS_EQUAL", ok=True),))


def folder_of(uri: str) -> Path:
    """Where the files of a saved model are."""
    return Path(
        mlflow.MlflowClient().get_logged_model(uri.removeprefix("models:/")).artifact_location
    )


def saved(
    written: Any = None, *, text: str | None = None, status: str = "READY", verified: bool = True
) -> str:
    """A saved model with a written signature, or none, or with another text as its MLmodel file; its URI."""
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


def registered(written: Any, name: str = "sums", **options: Any) -> int:
    """Register a model with a written signature; the number of its version."""
    version = MlflowRegister(**options).register(name, saved(written))
    return int(version.version)
