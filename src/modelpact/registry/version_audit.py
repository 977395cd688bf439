"""Audits: registered versions compared with what was published."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from modelpact._internal import mlflow_compat
from modelpact._internal.card import Card, CardTable, Displayed
from modelpact._internal.counts import format_count
from modelpact._internal.files import temporary_folder
from modelpact._internal.mlflow_search import search_all
from modelpact._internal.text import truncate
from modelpact.errors import LoadError, StoreError
from modelpact.registry.registered_models import describe_unknown_model, find_registered_model
from modelpact.registry.versions import list_versions
from modelpact.security.integrity import verify_files
from modelpact.security.manifest import ARTIFACT_DIGEST, SIGNATURE_DIGEST
from modelpact.security.pickle_globals import find_dangerous_globals
from modelpact.security.published import find_published_version, logged_model_id

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from modelpact.security.integrity import VerificationResult
    from modelpact.tracking import Tracking
    from modelpact.types import Version

__all__ = ["Audit", "AuditedVersion", "Finding", "audit_store"]

HARMLESS_CODES = frozenset({"NEVER_SIGNED", "NO_MANIFEST", "NO_TAG", "VOUCHED_IMPORTS"})
"""Findings about something that a version never had, or that is as it was published."""

MAX_LISTED_FILES = 1_000
"""How many files of a version are listed in JSON."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference from what was published: a reason `code`, and a text."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class AuditedVersion:
    """A registered version and what an audit found about it.

    Attributes:
        name: The registered model.
        version: The number of the version.
        findings: What was found; empty if the version is as published.
        files: The files that differ, each as its path and `changed`, `missing`, `added` or
            `special`.
    """

    name: str
    version: str
    findings: tuple[Finding, ...] = ()
    files: tuple[tuple[str, str], ...] = ()

    @property
    def ok(self) -> bool:
        """Whether all findings are harmless, such as a signature that it never had."""
        return all(finding.code in HARMLESS_CODES for finding in self.findings)

    def to_dict(self) -> dict[str, object]:
        """Return the version as plain data for JSON."""
        findings = [{"code": finding.code, "text": finding.text} for finding in self.findings]
        files = [{"path": path, "what": what} for path, what in self.files[:MAX_LISTED_FILES]]
        return {
            "name": self.name,
            "version": self.version,
            "ok": self.ok,
            "findings": findings,
            "files": files,
        }


@dataclass(frozen=True, slots=True)
class Audit(Displayed):
    """The result of an audit, by version."""

    versions: tuple[AuditedVersion, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether every version is as published."""
        return not self.failed

    @property
    def failed(self) -> tuple[AuditedVersion, ...]:
        """The versions that are not as published."""
        return tuple(version for version in self.versions if not version.ok)

    @property
    def title(self) -> str:
        """The result in one line."""
        intact = sum(1 for version in self.versions if not version.findings)
        return f"{format_count(len(self.versions), 'version')} audited, {intact:,} as published"

    def rows(self) -> list[tuple[str, str, str, str]]:
        """Return each finding as the name and the version, its code and its text."""
        return [
            (version.name, version.version, finding.code, finding.text)
            for version in self.versions
            for finding in version.findings
        ]

    def to_json(self) -> str:
        """Return the result as JSON, with the number of findings by code."""
        counts = Counter(code for _, _, code, _ in self.rows())
        versions = [version.to_dict() for version in self.versions]
        return json.dumps({"counts": dict(sorted(counts.items())), "versions": versions}, indent=2)

    def _card(self) -> Card:
        table = CardTable("Findings", ("name", "version", "finding", "detail"), self.rows())
        status = "ok" if self.ok else "failed"
        return Card("Audit", self.title, status, self.ok, tables=[table])


def audit_store(
    tracking: Tracking,
    name: str | None = None,
    observe: Callable[[str], object] = lambda _: None,
) -> Audit:
    """Compare the files, signature and source of registered versions with what was published.

    Args:
        tracking: The store.
        name: The registered model; None for all.
        observe: A function that is called with a text about each version.

    Raises:
        StoreError: The store does not exist, or cannot be read.
        LoadError: The registered model does not exist.
    """
    from mlflow.exceptions import MlflowException

    uri, file = tracking.display_uri(), tracking.file()
    if file is not None and not file.exists():
        raise StoreError(
            f"the store {file} does not exist",
            remedy="Run in the folder of the store, or set tracking.uri=sqlite:////path/to/it.db.",
            uri=uri,
        )
    try:
        with tracking.read_only().open() as store:
            versions = _find_versions(store.client, name)
            audited, auditor = [], _Auditor(store.client)
            for number, version in enumerate(versions, 1):
                observe(f"{number} of {len(versions)}: {version.name} {version.version}")
                audited.append(auditor.audit(version))
            return Audit(tuple(audited))
    except MlflowException as error:
        raise StoreError(
            f"cannot audit the store {uri}: {truncate(error, 300)}",
            remedy="Repeat the audit when the store is available.",
            uri=uri,
        ) from error


class _Auditor:
    """Audits versions one by one; files that several versions share are read once."""

    def __init__(self, client: MlflowClient) -> None:
        self._client = client
        self._results: dict[tuple[str | None, ...], Finding | VerificationResult] = {}

    def audit(self, version: Version) -> AuditedVersion:
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
            finding = Finding("SOURCE_GONE", f"{version.source} was deleted from the store")
            return AuditedVersion(name, number, (finding,))
        tags = find_published_version(self._client, version).tags
        key = (location, tags.get(ARTIFACT_DIGEST), tags.get(SIGNATURE_DIGEST))
        if key not in self._results:
            self._results[key] = _verify(location, tags)
        result = self._results[key]
        if isinstance(result, Finding):
            return AuditedVersion(name, number, (result,))
        files = tuple((difference.path, difference.kind) for difference in result.differences)
        return AuditedVersion(name, number, _findings(result), files)


def _verify(location: str, tags: Mapping[str, str]) -> Finding | VerificationResult:
    """Verify the files of a version; unreadable files are a finding and do not end the audit."""
    from mlflow.exceptions import MlflowException

    gone = Finding("SOURCE_GONE", f"there are no files in {location}")
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
            return Finding("UNREADABLE", f"{type(error).__name__}: {truncate(error, 200)}")


def _findings(result: VerificationResult) -> tuple[Finding, ...]:
    problems = [Finding(problem.code, problem.text) for problem in result.problems]
    vouched = result.attested and not result.problems
    code = "VOUCHED_IMPORTS" if vouched else "DANGEROUS_IMPORTS"
    imports = [
        Finding(code, f"{path} imports {', '.join(names)}")
        for path, names in result.imports.items()
    ]
    return (*problems, *imports, *_harmless_findings(result))


def _harmless_findings(result: VerificationResult) -> Iterator[Finding]:
    codes = {problem.code for problem in result.problems}
    if not result.signed and codes.isdisjoint({"SIGNATURE_CHANGED", "FILES_CHANGED"}):
        yield Finding("NEVER_SIGNED", "it has no signature")
    if not codes.isdisjoint({"MANIFEST_GONE", "MANIFEST_CHANGED"}):
        return
    if result.digest is None:
        text = "it was published without a manifest; only its signature can be checked"
        yield Finding("NO_MANIFEST", text)
    elif not result.attested and "TAG_GONE" not in codes:
        text = "its files match their manifest, but no tag attests that it is the published one"
        yield Finding("NO_TAG", text)


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


def _find_versions(client: MlflowClient, name: str | None) -> list[Version]:
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
