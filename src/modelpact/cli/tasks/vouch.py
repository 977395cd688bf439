"""`task=vouch`: vouch for a stored model that has no manifest."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime
from pathlib import Path

from pydantic import Field

from modelpact._internal import mlflow_compat
from modelpact._internal.counts import format_count
from modelpact._internal.files import temporary_folder
from modelpact.cli.render.console import echo
from modelpact.cli.stored_model import StoredModel, find_model, open_store, read_metadata
from modelpact.cli.tasks.base import Task
from modelpact.errors import ConfigError, IntegrityError, LoadError
from modelpact.registry.aliases import check_reason, current_user
from modelpact.security.integrity import verify_files
from modelpact.security.manifest import (
    ARTIFACT_DIGEST,
    MANIFEST,
    SIGNATURE_DIGEST,
    Manifest,
    is_bytecode,
)
from modelpact.security.pickle_globals import find_dangerous_globals
from modelpact.security.published import PublishedModel, find_published, local_folder
from modelpact.security.serialization_formats import UNSAFE_FORMATS, detect_formats
from modelpact.signature import digest
from modelpact.tracking import Tracking

__all__ = ["VouchTask"]

VOUCHED = "modelpact.vouched"
"""The tag that says who vouched for a model, when and why, as JSON."""


class VouchTask(Task):
    """Writes the manifest of a model that has none, and its digest into the tags.

    It prints what is in the files first: their formats, and the dangerous names that pickles
    import.

    Attributes:
        uri: The model.
        why: Why its files can be trusted.
        tracking: The store.
    """

    uri: str = Field(min_length=1)
    why: str
    tracking: Tracking

    def run(self, folder: Path) -> float | None:
        if not self.why.strip():
            raise ConfigError(
                "task.why is empty", remedy="Say why the files can be trusted: task.why='...'."
            )
        check_reason(self.why, "task.why")
        with open_store(self.uri, self.tracking), contextlib.ExitStack() as folders:
            stored = find_model(self.uri)
            known = find_published(stored.uri)
            files = local_folder(stored.uri) or mlflow_compat.download_model(
                known.files, lambda: folders.enter_context(temporary_folder())
            )
            _check_unvouched(stored.uri, known, files)
            _show_contents(files)
            manifest = _write_manifest(stored, files)
            self._write_tags(stored, known, manifest)
        return None

    def _write_tags(self, stored: StoredModel, known: PublishedModel, manifest: Manifest) -> None:
        """Write the tags that attest the manifest; a folder outside of a store has none."""
        from mlflow import MlflowClient

        count = format_count(len(manifest.files), "file")
        if known.model_id is None and known.name is None:
            echo(f"{stored.uri} has a manifest of {count}; no store has its digest")
            return
        record = {
            "by": current_user(),
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "why": self.why,
        }
        tags = {ARTIFACT_DIGEST: manifest.digest, VOUCHED: json.dumps(record, ensure_ascii=False)}
        signature = read_metadata(stored, "off").signature
        if signature is not None:
            tags[SIGNATURE_DIGEST] = digest(signature)
        client = MlflowClient()
        if known.model_id is not None:
            client.set_logged_model_tags(known.model_id, tags)
        if known.name is not None:
            for key, value in tags.items():
                client.set_model_version_tag(known.name, known.version, key, value)
        echo(f"{stored.uri} has a manifest of {count}; {record['by']} vouches for it")


def _check_unvouched(uri: str, known: PublishedModel, files: Path) -> None:
    """Check that the model has no manifest, or one that no tag attests."""
    if not (files / "MLmodel").is_file():
        raise LoadError(
            f"{uri!r} is not a model: it has no MLmodel file", remedy="Correct task.uri.", uri=uri
        )
    result = verify_files(files, known.tags)
    if result.attested or result.problems:
        state = "; ".join(problem.text for problem in result.problems) or "it has a manifest"
        raise IntegrityError(
            f"{uri!r} was published: {state}",
            remedy="Vouch only for a model without a manifest. For changed files, restore them, "
            "or publish the model again.",
            uri=uri,
            problems=result.problems,
        )


def _show_contents(files: Path) -> None:
    """Print what loading the files can run."""
    formats = detect_formats(files)
    unsafe = [name for name in formats if name in UNSAFE_FORMATS]
    danger = f"; loading {', '.join(unsafe)} can run code" if unsafe else ""
    echo(f"formats: {', '.join(formats) or 'none'}{danger}")
    for path, names in find_dangerous_globals(files).items():
        echo(f"{path} imports {', '.join(names)}")


def _write_manifest(stored: StoredModel, files: Path) -> Manifest:
    """Write the manifest where the model is stored; compiled files are not part of it."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    listed = Manifest.from_folder(files).files
    manifest = Manifest({path: file for path, file in listed.items() if not is_bytecode(path)})
    manifest.write(files)
    if local_folder(stored.files) is None:
        get_artifact_repository(stored.files).log_artifact(str(files / MANIFEST))
    return manifest
