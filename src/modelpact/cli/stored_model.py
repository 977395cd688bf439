"""Access to a stored model by its URI: its location, its `MLmodel` file, a copy of its files.

Nothing here loads or runs the model.
"""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from modelpact._internal.guards import convert_errors
from modelpact._internal.mlmodel_file import parse_metadata, read_mlmodel
from modelpact._internal.text import truncate
from modelpact.errors import LoadError, PactError
from modelpact.registry import list_versions
from modelpact.registry.registered_models import describe_unknown_model, find_registered_model
from modelpact.security.integrity import IntegrityPolicy, check_signature, fetch_files
from modelpact.security.manifest import MANIFEST
from modelpact.security.published import local_folder, logged_model_in_path
from modelpact.tracking import Tracking

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException
    from mlflow.models import Model as MLmodel

    from modelpact.types import Signature

__all__ = [
    "StoredModel",
    "check_store_exists",
    "copy_files",
    "find_model",
    "open_store",
    "read_metadata",
    "read_signature",
    "registered_name",
    "require_signature",
    "unsigned_model",
]

_REGISTERED = re.compile(r"models:/(?P<name>[^/@]+)(/(?P<version>[^/@]+)|@(?P<alias>[^/@]+))")

_URI_FORMS = (
    "Write models:/name/1, models:/name@alias, models:/<model_id>, runs:/<run_id>/model, "
    "or a model's folder."
)


@dataclass(frozen=True, slots=True)
class StoredModel:
    """The location of a model.

    Attributes:
        uri: A URI that always names this model: with the version where an alias was given.
        files: The URI of its files.
    """

    uri: str
    files: str


def registered_name(uri: str) -> str | None:
    """Return the name of the registered model in a URI; None for any other URI.

    Example:
        >>> registered_name("models:/houses@champion"), registered_name("runs:/12ab/model")
        ('houses', None)
    """
    match = _REGISTERED.fullmatch(uri)
    return match["name"] if match else None


def check_store_exists(uri: str, tracking: Tracking) -> None:
    """Check that a SQLite store exists, without creating it.

    Raises:
        LoadError: It does not exist.
    """
    file = tracking.file()
    if file is not None and not file.exists():
        raise LoadError(
            f"cannot find {uri!r}: the store {file} does not exist",
            remedy="Run in the folder of the store, or set tracking.uri=sqlite:////path/to/it.db.",
            uri=uri,
        )


@contextlib.contextmanager
def open_store(uri: str, tracking: Tracking) -> Iterator[None]:
    """Open the store that contains a model; a model in another folder needs none.

    Raises:
        LoadError: The store does not exist.
        StoreError: The store cannot be opened.
    """
    folder = local_folder(uri)
    if folder is not None and not _may_be_stored(folder, tracking):
        yield
        return
    check_store_exists(uri, tracking)
    with tracking.open():
        yield


def _may_be_stored(folder: Path, tracking: Tracking) -> bool:
    """Check whether a store that exists may keep the model in a folder."""
    file = tracking.file()
    if file is not None and not file.exists():
        return False
    has_manifest = (folder / MANIFEST).exists()
    return logged_model_in_path(folder) is not None or (file is not None and not has_manifest)


def find_model(uri: str) -> StoredModel:
    """Find a model in the open store.

    Raises:
        LoadError: The model, version, alias, run or folder does not exist.
    """
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    if local_folder(uri) is not None:
        return StoredModel(uri, uri)
    if not re.match(r"(models|runs|file|s3|gs|wasbs|https?|dbfs|hdfs|mlflow-artifacts):", uri):
        raise LoadError(f"{uri!r} is neither a model URI nor a folder", remedy=_URI_FORMS, uri=uri)
    client = MlflowClient()
    try:
        match = _REGISTERED.fullmatch(uri)
        if match is not None:
            version = _resolve_version(client, match)
            files = client.get_model_version_download_uri(match["name"], version)
            return StoredModel(f"models:/{match['name']}/{version}", files)
        logged = re.fullmatch(r"models:/(m-[0-9a-f]+)", uri)
        if logged is not None:
            return StoredModel(uri, str(client.get_logged_model(logged[1]).artifact_location))
    except MlflowException as error:
        raise _not_found(client, uri, error) from error
    return StoredModel(uri, uri)


def _resolve_version(client: MlflowClient, match: re.Match[str]) -> str:
    name, version = match["name"], match["version"]
    if match["alias"]:
        return str(client.get_model_version_by_alias(name, match["alias"]).version)
    if version == "latest":
        client.get_registered_model(name)
        return str(list_versions(client, name)[-1].version)
    if not version.isdigit():
        raise LoadError(
            f"{match[0]!r} does not name a version",
            remedy="Write a number or an alias: models:/name/3, models:/name@champion.",
            uri=match[0],
        )
    return str(client.get_model_version(name, version).version)


def _not_found(client: MlflowClient, uri: str, error: MlflowException) -> LoadError:
    """Return an error that lists what exists instead."""
    from mlflow.exceptions import MlflowException

    message, remedy = f"cannot find {uri!r}: {truncate(error, 300)}", _URI_FORMS
    name = registered_name(uri)
    # If the store fails again, there is nothing to list.
    with contextlib.suppress(MlflowException):
        if name is not None:
            model = find_registered_model(client, name)
            if model is None:
                message, remedy = describe_unknown_model(client, name)
            else:
                versions = [str(found.version) for found in list_versions(client, name)]
                remedy = (
                    f"Versions: {', '.join(versions[-20:]) or 'none'}; "
                    f"aliases: {', '.join(sorted(model.aliases)) or 'none'}."
                )
    return LoadError(message, remedy=remedy, uri=uri)


def read_metadata(stored: StoredModel, integrity: IntegrityPolicy) -> MLmodel:
    """Read the `MLmodel` file of a model, and no other file.

    Args:
        stored: The model.
        integrity: What to do if its signature is not the published one.

    Raises:
        LoadError: The file does not exist or is malformed.
        IntegrityError: The signature is not the published one.
    """
    # The client of a remote store may raise anything.
    with convert_errors(partial(_unreadable, stored)):
        metadata = parse_metadata(read_mlmodel(stored.files))
    check_signature(stored.uri, metadata.signature, integrity, "task.integrity")
    return metadata


def read_signature(uri: str, tracking: Tracking, integrity: IntegrityPolicy) -> Signature:
    """Read the signature of a model.

    Raises:
        LoadError: The model does not exist or has no signature.
        IntegrityError: The signature is not the published one.
    """
    with open_store(uri, tracking):
        return require_signature(uri, read_metadata(find_model(uri), integrity))


def require_signature(uri: str, metadata: MLmodel) -> Signature:
    """Return the signature of a model.

    Raises:
        LoadError: The model has no signature.
    """
    signature: Signature | None = metadata.signature
    if signature is None:
        raise unsigned_model(uri, "has no signature")
    return signature


def unsigned_model(uri: str, what: str) -> LoadError:
    """Return the error for a model whose signature is missing or incomplete."""
    return LoadError(
        f"{uri!r} {what}",
        remedy=f"Sign the model in a new version: task=resign task.uri={uri} signer=infer data=...",
        uri=uri,
    )


def copy_files(stored: StoredModel, folder: Path, integrity: IntegrityPolicy) -> Path:
    """Copy the files of a model into an empty folder, without compiled Python files.

    Args:
        stored: The model.
        folder: The destination.
        integrity: What to do if the files are not the published ones.

    Returns:
        The folder with the `MLmodel` file.

    Raises:
        LoadError: The files cannot be read.
        IntegrityError: The files are not the published ones.
    """
    ignore = shutil.ignore_patterns("__pycache__")
    with (
        convert_errors(partial(_unreadable, stored), unless=PactError),
        contextlib.ExitStack() as folders,
    ):
        files = fetch_files(stored.uri, integrity, folders, key="task.integrity")
        copied = Path(shutil.copytree(files.folder, folder / "model", ignore=ignore))
    if not (copied / "MLmodel").is_file():
        raise LoadError(
            f"{stored.uri!r} is not a model: it has no MLmodel file",
            remedy=_URI_FORMS,
            uri=stored.uri,
        )
    # MLflow's record of the version that the files were downloaded for.
    (copied / "registered_model_meta").unlink(missing_ok=True)
    return copied


def _unreadable(stored: StoredModel, error: Exception) -> LoadError:
    return LoadError(
        f"cannot read the files of {stored.uri!r}: {truncate(error, 300)}",
        remedy=_URI_FORMS,
        uri=stored.uri,
    )
