"""The tags of published models in the store's database."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from modelpact._internal import mlflow_compat
from modelpact._internal.mlflow_errors import suppress_codes
from modelpact._internal.mlflow_search import search_all
from modelpact.security.manifest import ARTIFACT_DIGEST, SIGNATURE_DIGEST

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel

    from modelpact.types import Version

__all__ = [
    "PublishedModel",
    "find_published",
    "find_published_version",
    "local_folder",
    "logged_model_id",
    "logged_model_in_path",
    "names_with_published_versions",
]

_DIGESTS = frozenset({ARTIFACT_DIGEST, SIGNATURE_DIGEST})
_VERSION = re.compile(r"models:/+([^/@]+)/(\d+)")


@dataclass(frozen=True, slots=True)
class PublishedModel:
    """A model in the store's database.

    Attributes:
        files: The URI of its files, which stays the same when an alias moves.
        tags: Its tags.
        name: The registered model, if the URI names a version.
        version: The version, if the URI names one.
        model_id: The logged model, if there is one.
        sources: What a version of the model may have as its source.
        run_id: The run of the model; may be empty.
    """

    files: str
    tags: Mapping[str, str] = field(default_factory=dict)
    name: str | None = None
    version: str = ""
    model_id: str | None = None
    sources: tuple[str, ...] = ()
    run_id: str = ""


def local_folder(uri: str) -> Path | None:
    """Return the local folder that a path or a `file:` URI names; None if there is none."""
    path = Path(unquote(urlsplit(uri).path) if uri.startswith("file:") else uri)
    # `Path.is_dir` raises for a name that is too long.
    return path if os.path.isdir(path) else None


def logged_model_in_path(folder: Path) -> str | None:
    """Return the id of the logged model whose files a store keeps in a folder, by its path."""
    match = re.search(r"/models/(m-[0-9a-f]{32})/artifacts$", folder.resolve().as_posix())
    return match[1] if match else None


def find_published(uri: str) -> PublishedModel:
    """Find the model of a URI in the database of the open store.

    Returns:
        The model. It has no tags for a path within a model, for artifacts of a run that MLflow did
        not log as a model, and for a folder that the store does not keep.

    Raises:
        MlflowException: The model does not exist.
    """
    from mlflow import MlflowClient

    folder = local_folder(uri)
    if folder is not None:
        return _find_folder(folder)
    if uri.startswith("models:"):
        match mlflow_compat.resolve_model_uri(uri):
            case (name, version):
                client = MlflowClient()
                return find_published_version(client, client.get_model_version(name, version))
            case (model_id,):
                return _describe(MlflowClient().get_logged_model(model_id))
        # a path within a model
        within = re.match(r"models:/+([^/@]+)[/@]", uri)
        return PublishedModel(uri, name=within[1] if within else None)
    if uri.startswith("runs:"):
        run_id, _, name = uri.removeprefix("runs:").strip("/").partition("/")
        logged = _latest_model_of_run(MlflowClient(), run_id, name)
        return PublishedModel(uri, run_id=run_id) if logged is None else _describe(logged)
    return PublishedModel(uri, sources=(uri,))


def find_published_version(client: MlflowClient, version: Version) -> PublishedModel:
    """Find a version in the database.

    A version that was registered without modelpact gets the digests of its source: of a logged
    model, or of another version.
    """
    from mlflow.exceptions import MlflowException

    tags, model_id = dict(version.tags), logged_model_id(version)
    if not _DIGESTS & tags.keys():
        # the source may have been deleted
        with contextlib.suppress(MlflowException):
            source = _source_tags(client, version, model_id)
            tags |= {key: source[key] for key in _DIGESTS if key in source}
    uri, number = f"models:/{version.name}/{version.version}", str(version.version)
    return PublishedModel(uri, tags, version.name, number, model_id)


def _source_tags(client: MlflowClient, version: Version, model_id: str | None) -> Mapping[str, str]:
    """Return the tags of the logged model or the version that a version was registered from."""
    if model_id is not None:
        tags: Mapping[str, str] = client.get_logged_model(model_id).tags
        return tags
    match = _VERSION.fullmatch(version.source or "")
    if match is None:
        return {}
    # A version is newer than its source, so no cycle is followed.
    source = client.get_model_version(match[1], match[2])
    is_older = source.creation_timestamp < version.creation_timestamp
    return find_published_version(client, source).tags if is_older else {}


def names_with_published_versions(model: PublishedModel) -> list[str]:
    """Return the registered models that a model is a version of, if modelpact published to them.

    Returns:
        The names of registered models with a version whose tag has the digest of a manifest.
    """
    from mlflow import MlflowClient

    client = MlflowClient()
    names = {model.name} if model.name else _names_of_versions(client, model)
    return sorted(name for name in names if name and _has_published_version(client, name))


def _names_of_versions(client: MlflowClient, model: PublishedModel) -> set[str]:
    conditions = [f"source_path = '{source}'" for source in model.sources if "'" not in source]
    if model.run_id:
        conditions.append(f"run_id = '{model.run_id}'")
    return {
        str(version.name)
        for condition in conditions
        for version in search_all(client.search_model_versions, condition)
    }


def _has_published_version(client: MlflowClient, name: str) -> bool:
    quote = '"' if "'" in name else "'"
    versions = search_all(client.search_model_versions, f"name = {quote}{name}{quote}")
    return any(ARTIFACT_DIGEST in version.tags for version in versions)


def logged_model_id(version: Version) -> str | None:
    """Return the id of a version's logged model; None if it was registered from other files."""
    match = re.fullmatch(r"models:/(m-[0-9a-f]+)", version.source or "")
    return version.model_id or (match[1] if match else None)


def _find_folder(folder: Path) -> PublishedModel:
    """Find the logged model whose files are in a folder."""
    import mlflow
    from mlflow import MlflowClient

    path = folder.resolve()
    known = PublishedModel(str(folder), sources=(str(folder), str(path), path.as_uri()))
    # Without a store, MLflow would create one.
    if not mlflow.tracking.is_tracking_uri_set():
        return known
    model_id = logged_model_in_path(folder)
    if model_id is None:
        return known
    # The folder may belong to another store.
    with suppress_codes("RESOURCE_DOES_NOT_EXIST"):
        logged = MlflowClient().get_logged_model(model_id)
        return _describe(logged, str(folder), known.sources)
    return known


def _describe(
    logged: LoggedModel, files: str | None = None, sources: tuple[str, ...] = ()
) -> PublishedModel:
    location = str(logged.artifact_location)
    return PublishedModel(
        location if files is None else files,
        dict(logged.tags),
        model_id=logged.model_id,
        sources=(f"models:/{logged.model_id}", location, *sources),
        run_id=logged.source_run_id or "",
    )


def _latest_model_of_run(client: MlflowClient, run_id: str, name: str) -> LoggedModel | None:
    """Return the latest model that a run logged under a name, which is the one MLflow loads."""
    experiment_id = client.get_run(run_id).info.experiment_id
    condition = f"source_run_id = '{run_id}'"
    models = search_all(client.search_logged_models, [experiment_id], condition)
    return next((model for model in models if model.name == name), None)
