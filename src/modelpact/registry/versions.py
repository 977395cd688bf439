"""Versions of a registered model, and the signature that each of them was registered with."""

from __future__ import annotations

import re
from collections import OrderedDict
from typing import TYPE_CHECKING

from modelpact._internal.mlflow_search import search_all
from modelpact._internal.mlmodel_file import parse_signature, read_mlmodel
from modelpact._internal.text import truncate
from modelpact.errors import RegisterError
from modelpact.security.manifest import SIGNATURE_DIGEST
from modelpact.signature import digest

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from modelpact.types import Signature, Version

__all__ = [
    "CHECKS_TAG",
    "COMPATIBILITY_TAG",
    "VersionNotFound",
    "find_latest_version",
    "list_versions",
    "read_signature",
    "read_version_signature",
]

COMPATIBILITY_TAG = "modelpact.compatibility"
"""The tag of a version that holds its compatibility report."""

CHECKS_TAG = "modelpact.checks"
"""The tag of a saved model, and of its version, that lists the checks it passed."""

_PAGE_SIZE = 10_000
_CACHE_SIZE = 1_000

_signatures: OrderedDict[str, Signature] = OrderedDict()
"""The most recently used signatures, by digest."""


class VersionNotFound(LookupError):
    """A version was deleted after it was listed."""


def list_versions(
    client: MlflowClient,
    name: str,
    tags: dict[str, str] | None = None,
    *,
    below: int | None = None,
) -> list[Version]:
    """Return the versions of a registered model in ascending order.

    The list is empty if the model does not exist.

    Args:
        client: A client for the open store.
        name: The registered model.
        tags: Tags that the versions must have.
        below: The number that the versions must be under.
    """
    condition = _filter(name, tags or {}, below)
    search = client.search_model_versions
    found = search_all(search, condition, _PAGE_SIZE, ["version_number ASC"])
    return sorted(found, key=lambda version: int(version.version))


def find_latest_version(client: MlflowClient, name: str, below: int | None) -> list[Version]:
    """Return the version with the highest number, under `below` if given, or an empty list."""
    condition = _filter(name, {}, below)
    return list(client.search_model_versions(condition, 1, ["version_number DESC"]))


def _filter(name: str, tags: dict[str, str], below: int | None) -> str:
    # MLflow does not accept a quote between quotes of the same kind
    quote = '"' if "'" in name else "'"
    conditions = [f"tags.`{key}` = '{value}'" for key, value in tags.items()]
    if below is not None:
        conditions.append(f"version_number < {below}")
    return " AND ".join([f"name = {quote}{name}{quote}", *conditions])


def read_version_signature(client: MlflowClient, version: Version) -> Signature | None:
    """Return the signature that a version was registered with; None if it has none.

    The `MLmodel` file is read once per process for all versions with the same digest in their tags.

    Raises:
        RegisterError: The signature cannot be read, or was changed after the registration.
        VersionNotFound: The version was deleted meanwhile.
    """
    expected = version.tags.get(SIGNATURE_DIGEST, "")
    if expected in _signatures:
        _signatures.move_to_end(expected)
        return _signatures[expected]
    title = f"version {version.version} of {version.name}"
    signature = _read_signature(client, version, title)
    if not expected:
        return signature
    if signature is None or digest(signature) != expected:
        change = "deleted" if signature is None else "changed"
        raise RegisterError(
            f"the signature of {title} was {change} after it was registered",
            remedy=_remedy(version),
            name=version.name,
            version=str(version.version),
        )
    _signatures[expected] = signature
    if len(_signatures) > _CACHE_SIZE:
        _signatures.popitem(last=False)
    return signature


def _read_signature(client: MlflowClient, version: Version, title: str) -> Signature | None:
    from mlflow.exceptions import MlflowException

    try:
        return read_signature(_location(client, version))
    except (MlflowException, ValueError) as error:
        if _is_deleted(client, version):
            raise VersionNotFound(f"{title} was deleted") from error
        raise RegisterError(
            f"the signature of {title} cannot be read: {truncate(error, 200)}",
            remedy=_remedy(version),
            name=version.name,
            version=str(version.version),
        ) from error


def _location(client: MlflowClient, version: Version) -> str:
    logged = re.fullmatch(r"models:/(m-[0-9a-f]+)", str(version.source))
    if logged is not None:
        return str(client.get_logged_model(logged[1]).artifact_location)
    return str(client.get_model_version_download_uri(version.name, str(version.version)))


def _is_deleted(client: MlflowClient, version: Version) -> bool:
    from mlflow.exceptions import MlflowException

    try:
        client.get_model_version(version.name, str(version.version))
    except MlflowException as error:
        return bool(error.error_code == "RESOURCE_DOES_NOT_EXIST")
    return False


def _remedy(version: Version) -> str:
    return (
        f"Delete version {version.version}, compare with another version "
        "(register.against=<number>), or skip the check (register.compatibility=none)."
    )


def read_signature(location: str) -> Signature | None:
    """Return the signature in the `MLmodel` file of a model's folder; None if it has none.

    No other file is read.

    Args:
        location: The folder, as a path or a URI.

    Raises:
        ValueError: The file does not exist or is malformed.
        MlflowException: The store failed.
    """
    return parse_signature(read_mlmodel(location))
