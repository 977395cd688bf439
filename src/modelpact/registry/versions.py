"""What MLflow's registry holds under a name: its versions, and the contract that each of them was registered with."""

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
    "latest_version",
    "list_versions",
    "read_signature",
    "read_version_signature",
]

COMPATIBILITY_TAG = "modelpact.compatibility"
"""The tag of a version that says what its contract was compared with."""

CHECKS_TAG = "modelpact.checks"
"""The tag of a saved model, and of its version, that lists the checks it passed."""

_PAGE = 10_000
_KEPT = 1_000

_signatures: OrderedDict[str, Signature] = OrderedDict()
"""Contracts by their digest, as they were read; the one used last is the last."""


class VersionNotFound(LookupError):
    """A version was deleted after it was listed."""


def list_versions(
    client: MlflowClient, name: str, tags: dict[str, str] | None = None
) -> list[Version]:
    """The versions of a registered model that have these tags, the lowest first; none where there is no such model."""
    search = client.search_model_versions
    found = search_all(search, _filter(name, tags), _PAGE, ["version_number ASC"])
    return sorted(found, key=lambda version: int(version.version))


def latest_version(client: MlflowClient, name: str, below: int | None = None) -> Version | None:
    """The version with the highest number, of those with lower numbers than `below`; None where there is none."""
    condition = _filter(name) + ("" if below is None else f" AND version_number < {below}")
    found = client.search_model_versions(condition, 1, ["version_number DESC"])
    return found[0] if found else None


def _filter(name: str, tags: dict[str, str] | None = None) -> str:
    """A filter for a name; MLflow takes no quotes of a kind between quotes of that kind."""
    quote = '"' if "'" in name else "'"
    return " AND ".join(
        [
            f"name = {quote}{name}{quote}",
            *(f"tags.`{key}` = '{value}'" for key, value in (tags or {}).items()),
        ]
    )


def read_version_signature(client: MlflowClient, version: Version) -> Signature | None:
    """The signature that a version was registered with; None where it has none.

    It is read from the `MLmodel` file, once for all versions in this process whose tag says that they have the same.

    Raises:
        RegisterError: It cannot be read, or is not the one that the version was registered with.
        VersionNotFound: The version was deleted meanwhile.
    """
    said = (version.tags or {}).get(SIGNATURE_DIGEST)
    if said is not None and said in _signatures:
        _signatures.move_to_end(said)
        return _signatures[said]
    called = f"version {version.version} of {version.name}"
    signature = _found(client, version, called)
    if said is None:
        return signature
    if signature is None or digest(signature) != said:
        raise RegisterError(
            f"the contract of {called} is not the one it was registered with: its signature was "
            f"{'deleted' if signature is None else 'changed'} afterwards",
            remedy=_go_on(version),
            name=version.name,
            version=str(version.version),
        )
    _signatures[said] = signature
    if len(_signatures) > _KEPT:
        _signatures.popitem(last=False)
    return signature


def _found(client: MlflowClient, version: Version, called: str) -> Signature | None:
    from mlflow.exceptions import MlflowException

    try:
        logged = re.fullmatch(r"models:/(m-[0-9a-f]+)", str(version.source))
        if logged is not None:
            return read_signature(str(client.get_logged_model(logged[1]).artifact_location))
        return read_signature(
            client.get_model_version_download_uri(version.name, str(version.version))
        )
    except (MlflowException, ValueError) as error:
        if _is_gone(client, version):
            raise VersionNotFound(f"{called} was deleted meanwhile") from error
        raise RegisterError(
            f"the contract of {called} cannot be read: {truncate(error, 200)}",
            remedy=_go_on(version),
            name=version.name,
            version=str(version.version),
        ) from error


def _is_gone(client: MlflowClient, version: Version) -> bool:
    from mlflow.exceptions import MlflowException

    try:
        client.get_model_version(version.name, str(version.version))
    except MlflowException as error:
        return bool(error.error_code == "RESOURCE_DOES_NOT_EXIST")
    return False


def _go_on(version: Version) -> str:
    return (
        f"Delete version {version.version}, or compare with another: register.against=<its number>; "
        "register.compatibility=none compares with none."
    )


def read_signature(location: str) -> Signature | None:
    """Return the signature in the `MLmodel` file of a model's folder, or None. No other file is read.

    Args:
        location: The folder, as a path or a URI.

    Raises:
        ValueError: The file does not exist, or is malformed.
        MlflowException: The store failed.
    """
    return parse_signature(read_mlmodel(location))
