"""Saved models: whether one was looked through, and what was allowed in it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from modelpact._internal import mlflow_compat
from modelpact._internal.files import temporary_folder
from modelpact.security import secrets
from modelpact.security.credentials import redact_keys
from modelpact.security.leak_scan.environment import environment_secrets
from modelpact.security.leak_scan.report import AllowlistEntry
from modelpact.security.leak_scan.scanner import scan_folder, scan_values

if TYPE_CHECKING:
    from mlflow.entities import LoggedModel

__all__ = ["LEAK_SCAN_TAG", "allowlist_from_tags", "allowlist_to_tag", "redact", "scan_version"]

LEAK_SCAN_TAG = "modelpact.leak_scan"
"""The tag of a saved model that was looked through: the exceptions that were needed, as JSON."""

LONGEST = 4000
"""Characters of that tag."""


def allowlist_to_tag(used: Iterable[AllowlistEntry]) -> str:
    """Exceptions as the JSON of a tag; those that do not fit are left out."""
    said = [item.model_dump() for item in used]
    kept = list(said)
    while len(json.dumps(kept, ensure_ascii=False)) > LONGEST:
        kept.pop()
    return json.dumps(kept, ensure_ascii=False)


def allowlist_from_tags(tags: Mapping[str, str] | None) -> list[dict[str, str]]:
    """The exceptions that a saved model's tags tell of."""
    return [item.model_dump() for item in _said(tags) or []]


def _said(tags: Mapping[str, str] | None) -> list[AllowlistEntry] | None:
    """The exceptions of a model that was looked through; None for one that was not, or whose tag says something else."""
    try:
        return [
            AllowlistEntry.model_validate(item) for item in json.loads((tags or {})[LEAK_SCAN_TAG])
        ]
    except (KeyError, TypeError, ValueError):
        return None


def scan_version(
    model: LoggedModel, tags: Mapping[str, Any], allowed: Sequence[AllowlistEntry]
) -> dict[str, str]:
    """Look through what is about to become a version: its tags, and its files where its saver has not.

    Args:
        model: The saved model.
        tags: The tags that the version gets.
        allowed: The exceptions.

    Returns:
        A tag with the exceptions that were needed; none where there were none.

    Raises:
        SecretError: There is a secret in it.
    """
    from mlflow import MlflowClient

    report = scan_values({"tags": tags})
    saved = _said(model.tags)
    if saved is None:
        with contextlib.ExitStack() as made:
            folder = mlflow_compat.download_model(
                model.model_uri, lambda: made.enter_context(temporary_folder())
            )
            found = scan_folder(folder)
        report.leaks += found.leaks
        report.unread += found.unread
    used = report.enforce(allowed, "register.leak_allowlist", "the version")
    if saved is None:
        MlflowClient().set_logged_model_tags(
            model.model_id, {LEAK_SCAN_TAG: allowlist_to_tag(used)}
        )
    every = [*(saved or []), *used]
    return {LEAK_SCAN_TAG: allowlist_to_tag(every)} if every else {}


def redact(text: str) -> str:
    """A text that tells of a failure, without any key: those of a well-known form, and those of the environment."""
    return secrets.redact_values(redact_keys(text, secrets.REDACTED), environment_secrets().values)
