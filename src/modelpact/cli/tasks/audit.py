"""`task=audit`: compare registered versions with what was published."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from modelpact._internal import mlflow_compat
from modelpact._internal.counts import format_count
from modelpact._internal.files import temporary_folder
from modelpact._internal.mlflow_search import search_all
from modelpact._internal.text import truncate
from modelpact.cli.render.console import echo, show_table
from modelpact.cli.render.progress import Progress
from modelpact.cli.tasks.base import Task
from modelpact.errors import IntegrityError, LoadError, StoreError
from modelpact.registry import list_versions
from modelpact.registry.registered_models import describe_unknown_model, find_registered_model
from modelpact.security.integrity import verify_files
from modelpact.security.manifest import ARTIFACT_DIGEST, SIGNATURE_DIGEST
from modelpact.security.pickle_globals import find_dangerous_globals
from modelpact.security.published import find_published_version, logged_model_id
from modelpact.tracking import Tracking

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from modelpact.security.integrity import VerificationResult
    from modelpact.types import Version

__all__ = ["AuditTask"]

HARMLESS_CODES = frozenset({"NEVER_SIGNED", "NO_MANIFEST", "NO_TAG", "VOUCHED_IMPORTS"})
"""Findings about something that a version never had, or that is as it was published."""

MAX_LISTED_FILES = 1_000
"""How many files of a version are listed in JSON."""


@dataclass(frozen=True, slots=True)
class _Finding:
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class _AuditedVersion:
    name: str
    version: str
    findings: tuple[_Finding, ...] = ()
    files: tuple[tuple[str, str], ...] = ()

    @property
    def failed(self) -> bool:
        return any(finding.code not in HARMLESS_CODES for finding in self.findings)

    def to_dict(self) -> dict[str, object]:
        findings = [{"code": finding.code, "text": finding.text} for finding in self.findings]
        files = [{"path": path, "what": what} for path, what in self.files[:MAX_LISTED_FILES]]
        return {
            "name": self.name,
            "version": self.version,
            "ok": not self.failed,
            "findings": findings,
            "files": files,
        }


class AuditTask(Task):
    """Compares the files, signature and source of registered versions with what was published.

    Attributes:
        name: The registered model; None for all.
        format: A table, or JSON.
        tracking: The store.
    """

    name: str | None = None
    format: Literal["table", "json"] = "table"
    tracking: Tracking

    def run(self, folder: Path) -> float | None:
        audited = self._audit()
        if self.format == "json":
            echo(_to_json(audited))
        else:
            _show_table(audited)
        failed = [version for version in audited if version.failed]
        if failed:
            versions = format_count(len(audited), "version")
            verb = "is" if len(failed) == 1 else "are"
            raise IntegrityError(
                f"{len(failed):,} of {versions} {verb} not as published",
                remedy="Restore the files, or publish again. Loaders reject such versions unless "
                "loader.integrity is warn or off.",
                versions=tuple((version.name, version.version) for version in failed),
            )
        return None

    def _audit(self) -> list[_AuditedVersion]:
        from mlflow.exceptions import MlflowException

        uri, file = self.tracking.display_uri(), self.tracking.file()
        if file is not None and not file.exists():
            raise StoreError(
                f"the store {file} does not exist",
                remedy="Run in the folder of the store, or set "
                "tracking.uri=sqlite:////path/to/it.db.",
                uri=uri,
            )
        try:
            with Progress() as progress, self.tracking.open() as store:
                progress.stage("list the versions")
                versions = _list_versions(store.client, self.name)
                audited, auditor = [], _Auditor(store.client)
                for number, version in enumerate(versions, 1):
                    progress.show(f"{number} of {len(versions)}: {version.name} {version.version}")
                    audited.append(auditor.audit(version))
                return audited
        except MlflowException as error:
            raise StoreError(
                f"cannot audit the store {uri}: {truncate(error, 300)}",
                remedy="Repeat the command when the store is available.",
                uri=uri,
            ) from error


def _to_json(audited: list[_AuditedVersion]) -> str:
    counts = Counter(finding.code for version in audited for finding in version.findings)
    document = {
        "counts": dict(sorted(counts.items())),
        "versions": [version.to_dict() for version in audited],
    }
    return json.dumps(document, indent=2)


def _show_table(audited: list[_AuditedVersion]) -> None:
    intact = sum(1 for version in audited if not version.findings)
    title = f"{format_count(len(audited), 'version')} audited, {intact:,} as published"
    rows = [
        (version.name, version.version, finding.code, finding.text)
        for version in audited
        for finding in version.findings
    ]
    show_table(title, ("name", "version", "finding", "detail"), rows)


class _Auditor:
    """Audits versions one by one; files that several versions share are read once."""

    def __init__(self, client: MlflowClient) -> None:
        self._client = client
        self._results: dict[tuple[str | None, ...], _Finding | VerificationResult] = {}

    def audit(self, version: Version) -> _AuditedVersion:
        """Compare a version with what was published."""
        from mlflow.exceptions import MlflowException

        name, number = str(version.name), str(version.version)
        try:
            model_id = logged_model_id(version)
            if model_id is not None:
                self._client.get_logged_model(model_id)
            location = str(self._client.get_model_version_download_uri(name, number))
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            finding = _Finding("SOURCE_GONE", f"{version.source} was deleted from the store")
            return _AuditedVersion(name, number, (finding,))
        tags = find_published_version(self._client, version).tags
        key = (location, tags.get(ARTIFACT_DIGEST), tags.get(SIGNATURE_DIGEST))
        if key not in self._results:
            self._results[key] = _verify(location, tags)
        result = self._results[key]
        if isinstance(result, _Finding):
            return _AuditedVersion(name, number, (result,))
        files = tuple((difference.path, difference.kind) for difference in result.differences)
        return _AuditedVersion(name, number, _findings(result), files)


def _verify(location: str, tags: Mapping[str, str]) -> _Finding | VerificationResult:
    """Verify the files of a version; unreadable files are a finding and do not end the audit."""
    from mlflow.exceptions import MlflowException

    gone = _Finding("SOURCE_GONE", f"there are no files in {location}")
    with contextlib.ExitStack() as folders:
        try:
            folder = mlflow_compat.download_model(
                location, lambda: folders.enter_context(temporary_folder())
            )
            if not (folder / "MLmodel").exists() and not any(folder.iterdir()):
                return gone
            result = verify_files(folder, tags)
            return replace(result, imports=find_dangerous_globals(folder))
        except (MlflowException, OSError) as error:
            if _is_gone(location, error):
                return gone
            return _Finding("UNREADABLE", f"{type(error).__name__}: {truncate(error, 200)}")


def _findings(result: VerificationResult) -> tuple[_Finding, ...]:
    problems = [_Finding(problem.code, problem.text) for problem in result.problems]
    vouched = result.attested and not result.problems
    code = "VOUCHED_IMPORTS" if vouched else "DANGEROUS_IMPORTS"
    imports = [
        _Finding(code, f"{path} imports {', '.join(names)}")
        for path, names in result.imports.items()
    ]
    return (*problems, *imports, *_harmless_findings(result))


def _harmless_findings(result: VerificationResult) -> Iterator[_Finding]:
    codes = {problem.code for problem in result.problems}
    if not result.signed and codes.isdisjoint({"SIGNATURE_CHANGED", "FILES_CHANGED"}):
        yield _Finding("NEVER_SIGNED", "it has no signature")
    if not codes.isdisjoint({"MANIFEST_GONE", "MANIFEST_CHANGED"}):
        return
    if result.digest is None:
        text = "it was published without a manifest; only its signature can be checked"
        yield _Finding("NO_MANIFEST", text)
    elif not result.attested and "TAG_GONE" not in codes:
        text = "its files match their manifest, but no tag attests that it is the published one"
        yield _Finding("NO_TAG", text)


def _is_gone(location: str, error: Exception) -> bool:
    """Return whether reading failed because there are no files.

    Servers report missing files in different ways, but all list nothing.
    """
    from mlflow.artifacts import list_artifacts

    if type(error) in {OSError, FileNotFoundError}:
        return True
    try:
        return not list_artifacts(artifact_uri=location)
    # The clients of artifact stores raise errors of their own; then nothing is known.
    except Exception:
        return False


def _list_versions(client: MlflowClient, name: str | None) -> list[Version]:
    """Return the versions of one registered model or of all, sorted by name and number.

    Raises:
        LoadError: The registered model does not exist.
    """
    if name is None:
        versions = search_all(client.search_model_versions, max_results=500)
        return sorted(versions, key=lambda version: (version.name, int(version.version)))
    if find_registered_model(client, name) is None:
        message, remedy = describe_unknown_model(client, name)
        raise LoadError(message, remedy=remedy)
    return list_versions(client, name)
