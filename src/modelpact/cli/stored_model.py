"""A model that is stored already: where its URI leads, and what its `MLmodel` file says; nothing of it is loaded or run."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelpact._internal.mlmodel_file import parse_metadata, read_mlmodel
from modelpact._internal.text import truncate
from modelpact.errors import LoadError
from modelpact.registry import list_versions
from modelpact.registry.registered_models import describe_unknown_model, find_registered_model
from modelpact.security.integrity import IntegrityPolicy, check_signature, fetch_files
from modelpact.tracking import SqliteTracking, Tracking

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.models import Model as MLmodel

__all__ = [
    "StoredModel",
    "copy_files",
    "find_model",
    "open_store",
    "read_metadata",
    "registered_name",
]

_REGISTERED = re.compile(r"models:/(?P<name>[^/@]+)(/(?P<version>[^/@]+)|@(?P<alias>[^/@]+))")

_FORMS = "Write models:/name/1, models:/name@alias, models:/<model_id>, runs:/<run_id>/model, or a model's folder."


@dataclass(frozen=True, slots=True)
class StoredModel:
    """Where a model lies.

    Attributes:
        uri: What names it for ever: `models:/name/<version>` where an alias was given.
        files: The URI of its files.
    """

    uri: str
    files: str


def registered_name(uri: str) -> str | None:
    """The registered model that a URI names; None for every other URI.

    Example:
        >>> registered_name("models:/houses@champion"), registered_name("runs:/12ab/model")
        ('houses', None)
    """
    match = _REGISTERED.fullmatch(uri)
    return match["name"] if match else None


@contextlib.contextmanager
def open_store(uri: str, tracking: Tracking) -> Iterator[None]:
    """Open the store that a URI leads into; a folder needs none, and a SQLite store is not made to find nothing in it.

    Raises:
        LoadError: There is no such store.
        StoreError: The store cannot be opened.
    """
    if Path(uri).is_dir():
        yield
        return
    if isinstance(tracking, SqliteTracking) and not tracking.path.exists():
        raise LoadError(
            f"{uri!r} cannot be found: there is no store {tracking.path}",
            remedy="Run in the folder of the store, or set tracking.uri=sqlite:////its/path.db.",
            uri=uri,
        )
    with tracking.open():
        yield


def find_model(uri: str) -> StoredModel:
    """Find a model in the open store.

    Raises:
        LoadError: There is no such model, version, alias, run or folder.
    """
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    if Path(uri).is_dir():
        return StoredModel(uri, uri)
    if not re.match(r"(models|runs|file|s3|gs|wasbs|https?|dbfs|hdfs|mlflow-artifacts):", uri):
        raise LoadError(f"{uri!r} is no model's URI, and no folder", remedy=_FORMS, uri=uri)
    client = MlflowClient()
    try:
        match = _REGISTERED.fullmatch(uri)
        if match is not None:
            version = _version(client, match)
            return StoredModel(
                f"models:/{match['name']}/{version}",
                client.get_model_version_download_uri(match["name"], version),
            )
        logged = re.fullmatch(r"models:/(m-[0-9a-f]+)", uri)
        if logged is not None:
            return StoredModel(uri, str(client.get_logged_model(logged[1]).artifact_location))
    except MlflowException as error:
        raise LoadError(
            f"{uri!r} cannot be found: {truncate(error, 300)}",
            remedy=_remedy(client, uri),
            uri=uri,
        ) from error
    return StoredModel(uri, uri)


def _version(client: MlflowClient, match: re.Match[str]) -> str:
    name, version = match["name"], match["version"]
    if match["alias"]:
        return str(client.get_model_version_by_alias(name, match["alias"]).version)
    if version == "latest":
        client.get_registered_model(name)
        return str(list_versions(client, name)[-1].version)
    if not version.isdigit():
        raise LoadError(
            f"{match[0]!r} names no version",
            remedy="Write a number, or an alias: models:/name/3, models:/name@champion.",
            uri=match[0],
        )
    return str(client.get_model_version(name, version).version)


def _remedy(client: MlflowClient, uri: str) -> str:
    """What there is instead."""
    from mlflow.exceptions import MlflowException

    name = registered_name(uri)
    if name is None:
        return _FORMS
    try:
        if find_registered_model(client, name) is None:
            return " ".join(describe_unknown_model(client, name))
        versions = [int(found.version) for found in list_versions(client, name)]
        aliases = sorted(client.get_registered_model(name).aliases)
    except MlflowException:  # the store fails: then there is nothing to add
        return _FORMS
    return f"Its versions: {', '.join(map(str, versions[-20:])) or 'none'}; its aliases: {', '.join(aliases) or 'none'}."


def read_metadata(stored: StoredModel, integrity: IntegrityPolicy) -> MLmodel:
    """What the `MLmodel` file says; no other file is read.

    Args:
        stored: The model.
        integrity: What happens if its signature is not the one that was published.

    Raises:
        LoadError: There is no such file, or it cannot be read.
        IntegrityError: The signature is another one.
    """
    from mlflow.exceptions import MlflowException

    try:
        found = parse_metadata(read_mlmodel(stored.files))
    except (MlflowException, ValueError) as error:
        raise _unreadable(stored, error) from error
    check_signature(stored.uri, found.signature, integrity, "task.integrity")
    return found


def copy_files(stored: StoredModel, folder: Path, integrity: IntegrityPolicy) -> Path:
    """Copy a model's files into an empty folder; the stored ones are only read, and what Python has compiled beside them is left.

    Args:
        stored: The model.
        folder: Where the copy goes.
        integrity: What happens if they are not those that were published.

    Returns:
        Where the `MLmodel` file is.

    Raises:
        LoadError: They cannot be read.
        IntegrityError: They are not those that were published.
    """
    import shutil

    from mlflow.exceptions import MlflowException

    try:
        with contextlib.ExitStack() as made:
            files = fetch_files(stored.uri, integrity, made, key="task.integrity")
            copied = Path(
                shutil.copytree(
                    files.folder, folder / "model", ignore=shutil.ignore_patterns("__pycache__")
                )
            )
    except (MlflowException, OSError) as error:
        raise _unreadable(stored, error) from error
    if not (copied / "MLmodel").is_file():
        raise LoadError(
            f"{stored.uri!r} has no MLmodel file: it is no model", remedy=_FORMS, uri=stored.uri
        )
    (copied / "registered_model_meta").unlink(
        missing_ok=True
    )  # MLflow's note of the version that files were downloaded for
    return copied


def _unreadable(stored: StoredModel, error: Any) -> LoadError:
    return LoadError(
        f"the files of {stored.uri!r} cannot be read: {truncate(error, 300)}",
        remedy=_FORMS,
        uri=stored.uri,
    )
