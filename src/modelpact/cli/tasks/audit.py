"""`task=audit`: which registered versions are no longer what was published."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from modelpact._internal import mlflow_compat
from modelpact._internal.files import temporary_folder
from modelpact._internal.mlflow_search import search_all
from modelpact._internal.text import truncate
from modelpact.cli.render.console import echo, show_table
from modelpact.cli.render.progress import Progress
from modelpact.cli.tasks.base import Task
from modelpact.errors import IntegrityError, LoadError, StoreError
from modelpact.registry import list_versions
from modelpact.registry.registered_models import describe_unknown_model, find_registered_model
from modelpact.security.integrity import find_published_version, logged_model_id, verify_files
from modelpact.security.manifest import ARTIFACT_DIGEST, SIGNATURE_DIGEST
from modelpact.tracking import SqliteTracking, Tracking
from modelpact.tracking.base import hide_credentials

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlflow import MlflowClient

    from modelpact.security.integrity import VerificationResult
    from modelpact.types import Version

__all__ = ["AuditTask"]

HARMLESS = frozenset({"NEVER_SIGNED", "NO_MANIFEST", "NO_TAG"})
"""What a version never had, and so cannot have lost."""

MOST = 1_000
"""So many files of a version are listed in JSON."""


@dataclass(frozen=True, slots=True)
class _Finding:
    """What is to be said of a version: a `code` for its kind, and a few words."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class _Audited:
    """A version, and what was found."""

    name: str
    version: str
    findings: tuple[_Finding, ...] = ()
    files: tuple[tuple[str, str], ...] = ()

    @property
    def failed(self) -> bool:
        return any(finding.code not in HARMLESS for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        found = [{"code": finding.code, "text": finding.text} for finding in self.findings]
        files = [{"path": path, "what": what} for path, what in self.files[:MOST]]
        return {
            "name": self.name,
            "version": self.version,
            "ok": not self.failed,
            "findings": found,
            "files": files,
        }


class AuditTask(Task):
    """Compares every registered version with what was published: its files, its signature, its source.

    Attributes:
        name: The registered model; None for all.
        format: A table to read, or JSON.
        tracking: The store.
    """

    name: str | None = None
    format: Literal["table", "json"] = "table"
    tracking: Tracking

    def run(self, folder: Path) -> float | None:
        from mlflow.exceptions import MlflowException

        uri = hide_credentials(self.tracking.uri)
        if isinstance(self.tracking, SqliteTracking) and not self.tracking.path.exists():
            raise StoreError(
                f"there is no store {self.tracking.path}: nothing to audit",
                remedy="Run in the folder of the store, or set tracking.uri=sqlite:////its/path.db.",
                uri=uri,
            )
        try:
            with Progress() as progress, self.tracking.open() as store:
                progress.stage("list the versions")
                versions = _versions(store.client, self.name)
                audited, auditor = [], _Auditor(store.client)
                for number, version in enumerate(versions, 1):
                    progress.stage(f"{number} of {len(versions)}: {version.name} {version.version}")
                    audited.append(auditor.audit(version))
        except MlflowException as error:
            raise StoreError(
                f"the store {uri} cannot be audited: {truncate(error, 300)}",
                remedy="Call it again when it is up.",
                uri=uri,
            ) from error
        self._show(audited)
        failed = [one for one in audited if one.failed]
        if failed:
            raise IntegrityError(
                f"{len(failed):,} of {_counted(len(audited))} {'is' if len(failed) == 1 else 'are'} not as published",
                remedy="Restore the files, or publish again; loaders refuse such versions unless loader.integrity=warn or off.",
                versions=tuple((one.name, one.version) for one in failed),
            )
        return None

    def _show(self, audited: list[_Audited]) -> None:
        counts = Counter(finding.code for one in audited for finding in one.findings)
        if self.format == "json":
            echo(
                json.dumps(
                    {
                        "counts": dict(sorted(counts.items())),
                        "versions": [one.to_dict() for one in audited],
                    },
                    indent=2,
                )
            )
            return
        fine = sum(1 for one in audited if not one.findings)
        title = f"{_counted(len(audited))} audited, {fine:,} as published"
        if fine == len(audited):
            echo(title)
            return
        rows = [
            (one.name, one.version, finding.code, finding.text)
            for one in audited
            for finding in one.findings
        ]
        show_table(title, ("name", "version", "finding", "what"), rows)


class _Auditor:
    """Looks at versions one by one; files that several are made of are read once, and what is downloaded is removed at once."""

    def __init__(self, client: MlflowClient) -> None:
        self._client = client
        self._judged: dict[tuple[str | None, ...], tuple[_Finding, ...] | VerificationResult] = {}

    def audit(self, version: Version) -> _Audited:
        """Compare a version with what was published."""
        from mlflow.exceptions import MlflowException

        try:
            model_id = logged_model_id(version)
            if model_id is not None:
                self._client.get_logged_model(model_id)
            place = str(self._client.get_model_version_download_uri(version.name, version.version))
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return self._told(
                version, (_Finding("SOURCE_GONE", f"{version.source} was deleted from the store"),)
            )
        tags = find_published_version(self._client, version).tags
        key = (place, tags.get(ARTIFACT_DIGEST), tags.get(SIGNATURE_DIGEST))
        if key not in self._judged:
            self._judged[key] = self._look(place, tags)
        return self._told(version, self._judged[key])

    def _look(
        self, place: str, tags: Mapping[str, str]
    ) -> tuple[_Finding, ...] | VerificationResult:
        """What became of the files; that they cannot be read is a finding too, not the end of the audit."""
        from mlflow.exceptions import MlflowException

        with contextlib.ExitStack() as made:
            try:
                folder = mlflow_compat.download_model(
                    place, lambda: made.enter_context(temporary_folder())
                )
                if not (folder / "MLmodel").exists() and not any(folder.iterdir()):
                    return (_Finding("SOURCE_GONE", f"there are no files in {place}"),)
                return verify_files(folder, tags)
            except (MlflowException, OSError) as error:
                if _is_gone(place, error):
                    return (_Finding("SOURCE_GONE", f"there are no files in {place}"),)
                return (_Finding("UNREADABLE", f"{type(error).__name__}: {truncate(error, 200)}"),)

    def _told(self, version: Version, found: tuple[_Finding, ...] | VerificationResult) -> _Audited:
        name, number = str(version.name), str(version.version)
        if isinstance(found, tuple):
            return _Audited(name, number, found)
        findings = [_Finding(problem.code, problem.text) for problem in found.problems]
        codes = {finding.code for finding in findings}
        if not found.signed and not codes & {"SIGNATURE_CHANGED", "FILES_CHANGED"}:
            findings.append(_Finding("NEVER_SIGNED", "it has no signature"))
        if found.digest is None and not codes & {"MANIFEST_GONE", "MANIFEST_CHANGED"}:
            findings.append(
                _Finding(
                    "NO_MANIFEST",
                    "it was published without a manifest: only its signature can be checked",
                )
            )
        elif not found.attested and not codes & {"MANIFEST_GONE", "MANIFEST_CHANGED", "TAG_GONE"}:
            findings.append(
                _Finding(
                    "NO_TAG",
                    "its files agree with their manifest, but no tag says that it is the published one",
                )
            )
        files = tuple((one.path, one.kind) for one in found.differences)
        return _Audited(name, number, tuple(findings), files)


def _is_gone(place: str, error: Exception) -> bool:
    """Whether files could not be had because there are none: servers say so in many ways, but list nothing."""
    from mlflow.artifacts import list_artifacts

    if type(error) in {OSError, FileNotFoundError}:
        return True
    try:
        return not list_artifacts(artifact_uri=place)
    except Exception:  # then nobody can tell
        return False


def _versions(client: MlflowClient, name: str | None) -> list[Version]:
    """The versions of one registered model or of all, in their order.

    Raises:
        LoadError: There is no such registered model.
    """
    if name is None:
        versions = search_all(client.search_model_versions, max_results=500)
        return sorted(versions, key=lambda version: (version.name, int(version.version)))
    if find_registered_model(client, name) is None:
        message, remedy = describe_unknown_model(client, name)
        raise LoadError(message, remedy=remedy)
    return list_versions(client, name)


def _counted(number: int) -> str:
    return f"{number:,} {'version' if number == 1 else 'versions'}"
