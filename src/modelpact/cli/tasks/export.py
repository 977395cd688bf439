"""`task=export`: export the signature of a stored model for other tools."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from modelpact._internal.files import temporary_folder
from modelpact.cli.render.output_file import check_writable, write_text
from modelpact.cli.stored_model import find_model, open_store, read_metadata, require_signature
from modelpact.cli.tasks.base import Task
from modelpact.loaders import Loader
from modelpact.tracking import Tracking

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlflow.models import Model as MLmodel

    from modelpact.cli.stored_model import StoredModel
    from modelpact.types import Inputs, Params

__all__ = ["ExportTask"]


class ExportTask(Task):
    """Exports a model's signature as JSON Schema, OpenAPI, Pydantic models or Markdown.

    Attributes:
        uri: The model: `models:/name/1`, `models:/name@alias`, `models:/<model_id>`,
            `runs:/<run_id>/model`, or a folder.
        to: The format; `openapi` loads the model.
        out: The output file; None for standard output.
        loader: How the model is loaded.
        tracking: The store.
    """

    uri: str = Field(min_length=1)
    to: Literal["jsonschema", "openapi", "pydantic", "markdown"]
    out: str | None = Field(default=None, min_length=1)
    loader: Loader
    tracking: Tracking

    def run(self, folder: Path) -> float | None:
        check_writable(self.out, "task.out")
        with open_store(self.uri, self.tracking):
            stored = find_model(self.uri)
            text = self._openapi(stored) if self.to == "openapi" else self._export(stored)
        write_text(self.out, text, f"wrote {self.out}")
        return None

    def _openapi(self, stored: StoredModel) -> str:
        from modelpact.serving import create_app

        return _to_json(create_app(self.loader.load(stored.uri)).openapi())

    def _export(self, stored: StoredModel) -> str:
        from modelpact.cli.render.model_page import render_model_page
        from modelpact.signature import to_json_schema, to_pydantic

        metadata = read_metadata(stored, self.loader.integrity)
        signature = require_signature(self.uri, metadata)
        if self.to == "jsonschema":
            return _to_json(to_json_schema(signature))
        if self.to == "pydantic":
            return to_pydantic(signature, stored.uri)
        return render_model_page(stored.uri, metadata, *_read_example(stored, metadata))


def _to_json(document: Mapping[str, object]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _read_example(stored: StoredModel, metadata: MLmodel) -> tuple[Inputs | None, Params | None]:
    """Return the stored input example and its params; no other file of the model is read."""
    from mlflow.artifacts import download_artifacts
    from mlflow.exceptions import MlflowException

    info = metadata.saved_input_example_info
    if not info:
        return None, None
    try:
        with temporary_folder() as folder:
            location = stored.files
            if not Path(location).is_dir():
                uri = f"{location.rstrip('/')}/{info['artifact_path']}"
                download_artifacts(artifact_uri=uri, dst_path=str(folder))
                location = str(folder)
            example = metadata.load_input_example(location)
            return example, metadata.load_input_example_params(location)
    except (MlflowException, OSError, ValueError, KeyError, TypeError):
        # An unreadable example is treated like a missing one.
        return None, None
