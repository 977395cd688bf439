"""The tags of published models in the store's database."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelpact._internal import mlflow_compat
from modelpact._internal.mlflow_search import search_all
from modelpact.security.manifest import ARTIFACT_DIGEST, SIGNATURE_DIGEST

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from modelpact.types import Version

__all__ = ["PublishedModel", "find_published", "find_published_version", "logged_model_id"]


@dataclass(frozen=True, slots=True)
class PublishedModel:
    """A model in the store's database.

    Attributes:
        files: The URI of its files, which stays the same when an alias moves.
        tags: Its tags.
    """

    files: str
    tags: Mapping[str, str]


def find_published(uri: str) -> PublishedModel:
    """Find the model of a URI in the database of the open store.

    Returns:
        The model. It has no tags for a folder, for a path within a model, and for artifacts of a
        run that MLflow did not log as a model.

    Raises:
        MlflowException: The model does not exist.
    """
    from mlflow import MlflowClient

    model_id: str | None = None
    if uri.startswith("models:"):
        match mlflow_compat.resolve_model_uri(uri):
            case (name, version):
                client = MlflowClient()
                return find_published_version(client, client.get_model_version(name, version))
            case (model_id,):
                pass
    elif uri.startswith("runs:"):
        run_id, _, name = uri.removeprefix("runs:").strip("/").partition("/")
        model_id = _latest_model_of_run(MlflowClient(), run_id, name)
    if model_id is None:
        return PublishedModel(uri, {})
    model = MlflowClient().get_logged_model(model_id)
    return PublishedModel(str(model.artifact_location), dict(model.tags))


def find_published_version(client: MlflowClient, version: Version) -> PublishedModel:
    """Find a version in the database.

    A version that was registered without modelpact gets the digests of its logged model.
    """
    from mlflow.exceptions import MlflowException

    tags = dict(version.tags)
    model_id = logged_model_id(version)
    digests = {ARTIFACT_DIGEST, SIGNATURE_DIGEST}
    if not digests & tags.keys() and model_id is not None:
        # the logged model may have been deleted
        with contextlib.suppress(MlflowException):
            logged = client.get_logged_model(model_id).tags
            tags |= {key: logged[key] for key in digests if key in logged}
    return PublishedModel(f"models:/{version.name}/{version.version}", tags)


def logged_model_id(version: Version) -> str | None:
    """Return the id of a version's logged model; None if it was registered from other files."""
    match = re.fullmatch(r"models:/(m-[0-9a-f]+)", version.source or "")
    return version.model_id or (match[1] if match else None)


def _latest_model_of_run(client: MlflowClient, run_id: str, name: str) -> str | None:
    """Return the latest model that a run logged under a name, which is the one MLflow loads."""
    experiment_id = client.get_run(run_id).info.experiment_id
    condition = f"source_run_id = '{run_id}'"
    models = search_all(client.search_logged_models, [experiment_id], condition)
    return next((str(model.model_id) for model in models if model.name == name), None)
