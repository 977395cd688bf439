"""`task=export`: the signature of a stored model, in a form that others read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from modelpact._internal.files import temporary_folder, write_atomically
from modelpact.cli.render.console import echo
from modelpact.cli.render.output_file import check_writable
from modelpact.cli.tasks.base import Task
from modelpact.errors import LoadError
from modelpact.loaders import Loader
from modelpact.tracking import Tracking

if TYPE_CHECKING:
    from mlflow.models import Model as MLmodel

    from modelpact.cli.stored_model import StoredModel

__all__ = ["ExportTask"]


class ExportTask(Task):
    """Writes the signature of a stored model as JSON Schema, OpenAPI, a module of Pydantic models, or a page.

    Attributes:
        uri: The model: `models:/name/1`, `models:/name@alias`, `models:/<model_id>`, `runs:/<run_id>/model`, or a folder.
        to: The form. `openapi` is the document of `task=serve`, for which the model is loaded; for the others it is not.
        out: The file to write, whole or not at all; None for standard output, which then gets nothing else.
        loader: How the model is loaded, for `openapi`; for all: what happens if it is not as it was published.
        tracking: The store.
    """

    uri: str = Field(min_length=1)
    to: Literal["jsonschema", "openapi", "pydantic", "markdown"]
    out: str | None = Field(default=None, min_length=1)
    loader: Loader
    tracking: Tracking

    def run(self, folder: Path) -> float | None:
        from modelpact.cli.stored_model import find_model, open_store

        if self.out is not None:
            check_writable(self.out, "task.out")
        with open_store(self.uri, self.tracking):
            stored = find_model(self.uri)
            text = self._openapi(stored) if self.to == "openapi" else self._exported(stored)
        if self.out is None:
            echo(text.rstrip("\n"))
        else:
            write_atomically(Path(self.out), text)
            echo(f"wrote {self.out}")
        return None

    def _openapi(self, stored: StoredModel) -> str:
        from modelpact.serving import create_app

        return _json(create_app(self.loader.load(stored.uri)).openapi())

    def _exported(self, stored: StoredModel) -> str:
        from modelpact.cli.render.model_page import render_model_page
        from modelpact.cli.stored_model import read_metadata
        from modelpact.signature import to_json_schema, to_pydantic

        metadata = read_metadata(stored, self.loader.integrity)
        if metadata.signature is None:
            raise LoadError(
                f"{self.uri!r} has no signature: there is nothing to export",
                remedy=f"Give it one, as a new version: task=resign task.uri={self.uri} signer=infer data=...",
                uri=self.uri,
            )
        if self.to == "jsonschema":
            return _json(to_json_schema(metadata.signature))
        if self.to == "pydantic":
            return to_pydantic(metadata.signature, stored.uri)
        return render_model_page(stored.uri, metadata, *_example(stored, metadata))


def _json(document: Any) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _example(stored: StoredModel, metadata: MLmodel) -> tuple[Any, dict[str, Any] | None]:
    """The stored input example and its params, each None where there is none; no other file of the model is read."""
    from mlflow.artifacts import download_artifacts
    from mlflow.exceptions import MlflowException

    info = metadata.saved_input_example_info
    if not info:
        return None, None
    try:
        with temporary_folder() as folder:
            place = stored.files
            if not Path(place).is_dir():
                download_artifacts(
                    artifact_uri=f"{place.rstrip('/')}/{info['artifact_path']}",
                    dst_path=str(folder),
                )
                place = str(folder)
            return metadata.load_input_example(place), metadata.load_input_example_params(place)
    except (
        MlflowException,
        OSError,
        ValueError,
        KeyError,
        TypeError,
    ):  # an example that cannot be read is none
        return None, None
