"""The leak scan at registration: of the tags, and of models that were saved without a scan."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from modelpact._internal import mlflow_compat
from modelpact._internal.files import temporary_folder
from modelpact.security.leak_scan.report import AllowlistEntry
from modelpact.security.leak_scan.scanner import scan_folder, scan_values

if TYPE_CHECKING:
    from mlflow.entities import LoggedModel

__all__ = [
    "LEAK_SCAN_TAG",
    "allowlist_from_tags",
    "allowlist_to_tag",
    "scan_version",
]

LEAK_SCAN_TAG = "modelpact.leak_scan"
"""The tag of a scanned model; its value is the allowlist that was needed, as JSON."""

MAX_TAG_LENGTH = 4000
"""Characters of the tag's value."""


def allowlist_to_tag(entries: Iterable[AllowlistEntry]) -> str:
    """Return an allowlist as the value of a tag; entries that do not fit are dropped."""
    kept = [entry.model_dump() for entry in entries]
    while len(text := json.dumps(kept, ensure_ascii=False)) > MAX_TAG_LENGTH:
        kept.pop()
    return text


def allowlist_from_tags(tags: Mapping[str, str] | None) -> list[dict[str, str]]:
    """Return the allowlist in the tags of a saved model as plain data."""
    return [entry.model_dump() for entry in _parse_tag(tags) or []]


def _parse_tag(tags: Mapping[str, str] | None) -> list[AllowlistEntry] | None:
    """Return the allowlist of a scanned model; None if it was not scanned."""
    try:
        return [
            AllowlistEntry.model_validate(one) for one in json.loads((tags or {})[LEAK_SCAN_TAG])
        ]
    except (KeyError, TypeError, ValueError):
        return None


def scan_version(
    model: LoggedModel, tags: Mapping[str, str], allowlist: Sequence[AllowlistEntry]
) -> dict[str, str]:
    """Scan a future version: its tags, and its files if they were not scanned before.

    Args:
        model: The saved model.
        tags: The tags of the version.
        allowlist: The allowlist.

    Returns:
        A tag with the allowlist entries that were needed; empty if there are none.

    Raises:
        SecretError: The tags or the files contain a secret.
    """
    from mlflow import MlflowClient

    report = scan_values({"tags": tags})
    saved = _parse_tag(model.tags)
    if saved is None:
        with contextlib.ExitStack() as folders:
            folder = mlflow_compat.download_model(
                model.model_uri, lambda: folders.enter_context(temporary_folder())
            )
            files = scan_folder(folder)
        report.leaks += files.leaks
        report.unread += files.unread
    used = report.enforce(allowlist, "register.leak_allowlist", "the version")
    if saved is None:
        tag = {LEAK_SCAN_TAG: allowlist_to_tag(used)}
        MlflowClient().set_logged_model_tags(model.model_id, tag)
    needed = [*(saved or []), *used]
    return {LEAK_SCAN_TAG: allowlist_to_tag(needed)} if needed else {}
