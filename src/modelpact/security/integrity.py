"""Verification that a model's files are the published ones, before any of them is read.

The manifest in the model's folder lists their digests, and a tag in the database holds the digest
of the manifest. An attacker who can write to the files, but not to the database, therefore cannot
get other code loaded.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from modelpact._internal import mlflow_compat
from modelpact._internal.files import temporary_folder
from modelpact._internal.mlmodel_file import parse_signature
from modelpact.errors import IntegrityError
from modelpact.security.manifest import (
    ARTIFACT_DIGEST,
    MANIFEST,
    SIGNATURE_DIGEST,
    Difference,
    Manifest,
)
from modelpact.security.published import (
    PublishedModel,
    find_published,
    local_folder,
    names_with_published_versions,
)
from modelpact.security.regular_files import is_writable_by_others, open_regular
from modelpact.security.serialization_formats import UNSAFE_FORMATS, detect_formats
from modelpact.signature import digest

if TYPE_CHECKING:
    from modelpact.types import Signature

__all__ = [
    "IntegrityPolicy",
    "ModelFiles",
    "Problem",
    "VerificationResult",
    "check_signature",
    "fetch_files",
    "verify_files",
]

log = logging.getLogger(__name__)

IntegrityPolicy = Literal["require", "strict", "warn", "off"]
"""What to do about a model that is not the published one.

`require` raises unless the model has a manifest that matches. `strict` raises for a model that
differs from its manifest, and for one without a manifest beside published versions. `warn` logs a
warning, and `off` skips the verification.
"""

MAX_LISTED = 10
"""How many files a message lists."""

_MAX_MLMODEL_SIZE = 1 << 26


@dataclass(frozen=True, slots=True)
class Problem:
    """A difference from the published model.

    Attributes:
        code: Its kind.
        text: A description.
    """

    code: Literal[
        "FILES_CHANGED",
        "MANIFEST_CHANGED",
        "MANIFEST_GONE",
        "TAG_GONE",
        "SIGNATURE_CHANGED",
        "NO_MANIFEST",
        "NO_TAG",
    ]
    text: str


@dataclass(frozen=True, slots=True)
class VerificationResult:
    """The result of the verification of a model's folder.

    Attributes:
        folder: The folder that was verified: the given one, or a private copy.
        digest: The digest of the manifest; None if there is none.
        attested: Whether the database has that digest.
        signed: Whether the model has a signature.
        problems: The differences from the published model.
        differences: The files that differ.
        imports: The dangerous names that pickles import, by file, if they were searched for.
    """

    folder: Path
    digest: str | None = None
    attested: bool = False
    signed: bool = False
    problems: tuple[Problem, ...] = ()
    differences: tuple[Difference, ...] = ()
    imports: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """The files of a model on this machine.

    Attributes:
        folder: The folder to load.
        stored: The folder where other processes find the model.
        digest: The digest of the manifest; None if the files were not verified.
    """

    folder: Path
    stored: Path
    digest: str | None = None


def verify_files(
    folder: Path,
    tags: Mapping[str, str],
    make_folder: Callable[[], Path] | None = None,
) -> VerificationResult:
    """Compare a model's files with the manifest, and both with the tags in the database.

    Args:
        folder: The model's folder.
        tags: The model's tags; empty if no database knows the model.
        make_folder: Creates a private folder. The files are copied there and verified there if
            other users could change them meanwhile, or if there is bytecode next to the source,
            which Python would run instead.
    """
    result = _verify_manifest(folder, tags, make_folder)
    signed, problems = _verify_signature(result.folder, tags.get(SIGNATURE_DIGEST))
    return replace(result, signed=signed, problems=(*result.problems, *problems))


def _verify_manifest(
    folder: Path, tags: Mapping[str, str], make_folder: Callable[[], Path] | None
) -> VerificationResult:
    expected = tags.get(ARTIFACT_DIGEST)
    try:
        content = Manifest.read_content(folder)
        if content is None:
            gone = Problem("MANIFEST_GONE", f"{MANIFEST} was removed")
            return VerificationResult(folder, problems=() if expected is None else (gone,))
        found = hashlib.sha256(content).hexdigest()
        # a changed manifest is not parsed
        if expected not in {None, found}:
            changed = Problem("MANIFEST_CHANGED", f"{MANIFEST} was changed")
            return VerificationResult(folder, found, problems=(changed,))
        manifest = Manifest.parse(content)
    except IntegrityError as error:
        problem = Problem("MANIFEST_CHANGED", error.message)
        return VerificationResult(folder, problems=(problem,))
    folder, differences = _compare_files(manifest, folder, make_folder)
    problems = []
    if differences:
        problems.append(Problem("FILES_CHANGED", _describe(differences)))
    if expected is None and SIGNATURE_DIGEST in tags:
        problems.append(Problem("TAG_GONE", f"its tag {ARTIFACT_DIGEST} was removed"))
    return VerificationResult(
        folder,
        found,
        attested=expected is not None,
        problems=tuple(problems),
        differences=tuple(differences),
    )


def _compare_files(
    manifest: Manifest, folder: Path, make_folder: Callable[[], Path] | None
) -> tuple[Path, list[Difference]]:
    """Return the folder that was compared, which may be a private copy, and the differences."""
    differences, bytecode, shared = manifest.compare_listing(folder)
    if differences:
        return folder, differences
    if make_folder is not None and (bytecode or shared or _is_replaceable_by_others(folder)):
        folder = manifest.copy(folder, make_folder() / "model")
    return folder, manifest.compare_contents(folder)


def _is_replaceable_by_others(folder: Path) -> bool:
    """Check whether other users could put another folder in the place of this one."""
    if is_writable_by_others(folder.stat()):
        return True
    parents = (parent.stat() for parent in folder.resolve().parents)
    return any(
        is_writable_by_others(status) and not status.st_mode & stat.S_ISVTX for status in parents
    )


def _verify_signature(folder: Path, expected: str | None) -> tuple[bool, list[Problem]]:
    """Return whether the model has a signature, and the difference from the published one."""
    try:
        signature = _read_signature(folder)
    except (OSError, ValueError) as error:
        text = f"its signature cannot be read: {type(error.__cause__ or error).__name__}"
        return False, [] if expected is None else [Problem("SIGNATURE_CHANGED", text)]
    return signature is not None, _compare_signature(signature, expected)


def _read_signature(folder: Path) -> Signature | None:
    with open_regular(folder / "MLmodel") as file:
        content = file.read(_MAX_MLMODEL_SIZE + 1)
    if len(content) > _MAX_MLMODEL_SIZE:
        raise ValueError(f"its MLmodel file has more than {_MAX_MLMODEL_SIZE:,} bytes")
    return parse_signature(content)


def _compare_signature(signature: Signature | None, expected: str | None) -> list[Problem]:
    if expected is None:
        return []
    if signature is None:
        return [Problem("SIGNATURE_CHANGED", "its signature was removed")]
    if digest(signature) != expected:
        return [Problem("SIGNATURE_CHANGED", "its signature was changed")]
    return []


def _describe(differences: Sequence[Difference]) -> str:
    n_more = len(differences) - MAX_LISTED
    more = f", and {n_more:,} more" if n_more > 0 else ""
    return ", ".join(map(str, differences[:MAX_LISTED])) + more


def fetch_files(
    uri: str,
    integrity: IntegrityPolicy,
    folders: contextlib.ExitStack,
    *,
    pinned: str | None = None,
    key: str = "loader.integrity",
) -> ModelFiles:
    """Make a model's files available on this machine, and verify them.

    Args:
        uri: The URI or the folder of a model.
        integrity: What to do if the files differ from the published ones.
        folders: Owns the temporary folders, which must live as long as the model.
        pinned: The expected digest of the manifest, if it is known already.
        key: The configuration key that turns the verification off, for the message.

    Raises:
        IntegrityError: The files differ from the published ones.
        MlflowException: The model does not exist.
        OSError: The files cannot be read.
    """
    downloads = []

    def make_folder() -> Path:
        folder = folders.enter_context(temporary_folder())
        downloads.append(folder)
        return folder

    if pinned is not None:
        known = PublishedModel(uri, {ARTIFACT_DIGEST: pinned})
    else:
        known = PublishedModel(uri) if integrity == "off" else find_published(uri)
    stored = local_folder(uri) or mlflow_compat.download_model(known.files, make_folder)
    if integrity == "off":
        return ModelFiles(stored, stored)
    # a temporary folder is of no use in a message
    place = None if downloads else stored
    result = _with_unvouched(verify_files(stored, known.tags, make_folder), known, integrity)
    _apply_policy(uri, place, result, integrity, key)
    if result.problems:
        return ModelFiles(stored, stored)
    return ModelFiles(result.folder, stored, result.digest)


def check_signature(
    uri: str, signature: Signature | None, integrity: IntegrityPolicy, key: str
) -> None:
    """Verify that a model's signature is the published one; no file is read.

    Args:
        uri: The URI of the model. The signature of a folder cannot be verified.
        signature: The signature in the `MLmodel` file.
        integrity: What to do if the signature differs.
        key: The configuration key that turns the verification off, for the message.

    Raises:
        IntegrityError: The signature was changed or removed, or no tag vouches for it.
    """
    from mlflow.exceptions import MlflowException

    if integrity == "off" or local_folder(uri) is not None:
        return
    try:
        known = find_published(uri)
    except MlflowException:
        # reading the files fails with a better message
        return
    expected = known.tags.get(SIGNATURE_DIGEST)
    problems = _compare_signature(signature, expected)
    result = VerificationResult(
        Path(), attested=expected is not None, signed=True, problems=tuple(problems)
    )
    result = _with_unvouched(result, known, integrity)
    if result.problems:
        _apply_policy(uri, None, result, integrity, key)


def _apply_policy(
    uri: str, stored: Path | None, result: VerificationResult, integrity: IntegrityPolicy, key: str
) -> None:
    """Raise or warn about problems, and warn about a model that cannot be verified."""
    if result.problems:
        error = _integrity_error(uri, stored, result, key)
        if integrity != "warn":
            raise error
        log.warning("%s", error)
    elif result.digest is None and (result.folder / "MLmodel").is_file():
        formats = sorted(UNSAFE_FORMATS.intersection(detect_formats(result.folder)))
        danger = f", and loading them can run code ({', '.join(formats)})" if formats else ""
        log.warning("%s has no manifest, so its files cannot be verified%s", uri, danger)


def _with_unvouched(
    result: VerificationResult, known: PublishedModel, integrity: IntegrityPolicy
) -> VerificationResult:
    """Add the problem of a model that no tag vouches for, if the policy requires that."""
    if result.problems or result.attested or integrity == "warn":
        return result
    beside = names_with_published_versions(known) if integrity == "strict" else []
    if integrity == "strict" and not beside:
        return result
    problem = _find_unvouched(known, result, beside)
    return result if problem is None else replace(result, problems=(problem,))


def _find_unvouched(
    known: PublishedModel, result: VerificationResult, beside: Sequence[str]
) -> Problem | None:
    reason = f", beside published versions of {beside[0]!r}" if beside else ""
    if result.digest is None:
        return Problem("NO_MANIFEST", f"it has no manifest{reason}")
    # A folder has no database; its manifest is a checksum.
    if local_folder(known.files) is not None and not known.tags and not beside:
        return None
    return Problem("NO_TAG", f"no tag has the digest of its manifest{reason}")


_UNVOUCHED = frozenset({"NO_MANIFEST", "NO_TAG"})


def _integrity_error(
    uri: str, stored: Path | None, result: VerificationResult, key: str
) -> IntegrityError:
    paths: dict[str, list[str]] = {"changed": [], "missing": [], "added": [], "special": []}
    for difference in result.differences:
        paths[difference.kind].append(difference.path)
    problems = "; ".join(problem.text for problem in result.problems)
    where = f"Its files are in {stored}.\n" if stored is not None else ""
    message = f"{uri!r} is not as it was published: {problems}"
    advice = "Restore the published files, or publish the model again; task=audit lists all such "
    advice += f"versions. If you trust the files as they are: {key}=off."
    if all(problem.code in _UNVOUCHED for problem in result.problems):
        message = f"{uri!r} cannot be verified: {problems}"
        advice = "Look at its files. If you trust them, vouch for them: task=vouch "
        advice += f"task.uri={uri} task.why=...; otherwise publish the model again."
    return IntegrityError(
        message,
        remedy=f"{where}{advice}",
        uri=uri,
        problems=result.problems,
        changed=tuple(paths["changed"]),
        missing=tuple(paths["missing"]),
        added=tuple(paths["added"]),
        special=tuple(paths["special"]),
    )
