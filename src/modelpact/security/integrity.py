"""Whether a model's files are those that were published, asked before anybody else reads one of them.

What they should be is said by the manifest that lies beside them; what that should be, by a tag in the database. So whoever can
write to the files, but not to the database, cannot have anything loaded that was not published.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import re
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from modelpact._internal import mlflow_compat
from modelpact._internal.files import temporary_folder
from modelpact._internal.mlflow_search import search_all
from modelpact._internal.mlmodel_file import parse_signature
from modelpact.errors import IntegrityError
from modelpact.security.manifest import (
    ARTIFACT_DIGEST,
    MANIFEST,
    SIGNATURE_DIGEST,
    Difference,
    Manifest,
    is_writable_by_others,
    open_regular,
)
from modelpact.signature import digest

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from modelpact.types import Signature, Version

__all__ = [
    "Files",
    "IntegrityPolicy",
    "Problem",
    "PublishedModel",
    "VerificationResult",
    "check_signature",
    "fetch_files",
    "find_published",
    "find_published_version",
    "logged_model_id",
    "verify_files",
]

log = logging.getLogger(__name__)

IntegrityPolicy = Literal["strict", "warn", "off"]
"""What becomes of a model that is not as it was published: it is refused, it is loaded with a warning, or nobody looks."""

SHOWN = 10
"""So many files are named in a message; the rest are counted."""

_LARGEST = 1 << 26


@dataclass(frozen=True, slots=True)
class PublishedModel:
    """What the store's database says of a model.

    Attributes:
        files: The URI of its files, which stays what it is where an alias moves.
        tags: Its tags.
    """

    files: str
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is not as it was published: a `code` for its kind, and a few words."""

    code: Literal[
        "FILES_CHANGED", "MANIFEST_CHANGED", "MANIFEST_GONE", "TAG_GONE", "SIGNATURE_CHANGED"
    ]
    text: str


@dataclass(frozen=True, slots=True)
class VerificationResult:
    """What was found in a model's folder.

    Attributes:
        folder: What was judged: the folder itself, or our own copy of what the manifest names.
        digest: The manifest's, where there is one.
        attested: Whether the database says that digest.
        signed: Whether there is a signature.
        problems: What is not as it was published.
        differences: The files among them.
    """

    folder: Path
    digest: str | None = None
    attested: bool = False
    signed: bool = False
    problems: tuple[Problem, ...] = ()
    differences: tuple[Difference, ...] = ()


@dataclass(frozen=True, slots=True)
class Files:
    """A model's files on this machine.

    Attributes:
        folder: What is to be loaded.
        stored: Where other processes find them.
        digest: The manifest's, where they are as it says; None where nobody looked.
    """

    folder: Path
    stored: Path
    digest: str | None = None


def find_published(uri: str) -> PublishedModel | None:
    """What the open store's database says of the model that a URI leads to.

    Returns:
        None for a folder, for a path within a model, and for artifacts of a run that MLflow did not log as a model.

    Raises:
        MlflowException: There is no such model.
    """
    from mlflow import MlflowClient

    if uri.startswith("models:"):
        names = mlflow_compat.names_of_model(uri)
        if len(names) == 2:
            client = MlflowClient()
            return find_published_version(client, client.get_model_version(*names))
        return _logged(MlflowClient(), names[0]) if names else None
    if uri.startswith("runs:"):
        client = MlflowClient()
        model_id = _model_of_run(client, *uri.removeprefix("runs:").strip("/").partition("/")[::2])
        return None if model_id is None else _logged(client, model_id)
    return None


def find_published_version(client: MlflowClient, version: Version) -> PublishedModel:
    """What the database says of a version: its own tags; where plain MLflow registered it, those of the model it was made of."""
    from mlflow.exceptions import MlflowException

    tags = dict(version.tags or {})
    model_id = logged_model_id(version)
    if not {ARTIFACT_DIGEST, SIGNATURE_DIGEST} & tags.keys() and model_id is not None:
        with contextlib.suppress(MlflowException):  # that model may have been deleted
            said = client.get_logged_model(model_id).tags
            tags |= {key: said[key] for key in (ARTIFACT_DIGEST, SIGNATURE_DIGEST) if key in said}
    return PublishedModel(f"models:/{version.name}/{version.version}", tags)


def logged_model_id(version: Version) -> str | None:
    """The id of the logged model that a version was made of; None where it was made of other files."""
    match = re.fullmatch(r"models:/(m-[0-9a-f]+)", version.source or "")
    return version.model_id or (match[1] if match else None)


def _logged(client: MlflowClient, model_id: str) -> PublishedModel:
    model = client.get_logged_model(model_id)
    return PublishedModel(str(model.artifact_location), dict(model.tags or {}))


def _model_of_run(client: MlflowClient, run_id: str, name: str) -> str | None:
    """The model that a run has logged under a name: the newest, which is MLflow's choice as well."""
    experiment_id = client.get_run(run_id).info.experiment_id
    models = search_all(client.search_logged_models, [experiment_id], f"source_run_id = '{run_id}'")
    return next((str(model.model_id) for model in models if model.name == name), None)


def verify_files(
    folder: Path, said: Mapping[str, str] | None, private: Callable[[], Path] | None = None
) -> VerificationResult:
    """Compare a model's files with their manifest, and both with what the database says.

    Args:
        folder: Where they lie.
        said: The model's tags; None where no database knows of it.
        private: Makes a folder of our own. What the manifest names is copied there, and judged there, if others could change it
            meanwhile, or if Python has put compiled code beside it, which it would run instead of the source.
    """
    expected = (said or {}).get(ARTIFACT_DIGEST)
    try:
        content = Manifest.read_content(folder)
        if content is None:
            return _gone(folder, said, expected)
        found = hashlib.sha256(content).hexdigest()
        if expected not in {None, found}:  # then it is not even parsed
            return _with_signature(
                VerificationResult(
                    folder,
                    found,
                    problems=(Problem("MANIFEST_CHANGED", f"{MANIFEST} was changed"),),
                ),
                said,
            )
        manifest = Manifest.parse(content)
    except IntegrityError as error:
        return _with_signature(
            VerificationResult(folder, problems=(Problem("MANIFEST_CHANGED", error.message),)), said
        )
    differences, compiled, shared = manifest.compare_listing(folder)
    if not differences:
        if private is not None and (compiled or shared or _others_reach(folder)):
            folder = manifest.copy(folder, private() / "model")
        differences = manifest.compare_contents(folder)
    problems = []
    if differences:
        problems.append(Problem("FILES_CHANGED", _told(differences)))
    if expected is None and SIGNATURE_DIGEST in (said or {}):
        problems.append(Problem("TAG_GONE", f"its tag {ARTIFACT_DIGEST} was removed"))
    judged = VerificationResult(
        folder,
        found,
        expected is not None,
        problems=tuple(problems),
        differences=tuple(differences),
    )
    return _with_signature(judged, said)


def _gone(folder: Path, said: Mapping[str, str] | None, expected: str | None) -> VerificationResult:
    problems = () if expected is None else (Problem("MANIFEST_GONE", f"{MANIFEST} was removed"),)
    return _with_signature(VerificationResult(folder, problems=problems), said)


def _with_signature(
    judged: VerificationResult, said: Mapping[str, str] | None
) -> VerificationResult:
    """Add what has become of the signature."""
    expected = (said or {}).get(SIGNATURE_DIGEST)
    try:
        found = _signature_digest(judged.folder)
    except Exception as error:  # it may hold anything
        what = f"its signature cannot be read: {type(error).__name__}"
        found = ""
    else:
        what = "its signature was removed" if found is None else "its signature was changed"
    problem = () if expected in {None, found} else (Problem("SIGNATURE_CHANGED", what),)
    return replace(judged, signed=bool(found), problems=(*judged.problems, *problem))


def _signature_digest(folder: Path) -> str | None:
    """The digest of the signature in an `MLmodel` file; None where it has none."""
    with open_regular(folder / "MLmodel") as file:
        signature = parse_signature(file.read(_LARGEST))
    return None if signature is None else digest(signature)


def _told(differences: list[Difference]) -> str:
    more = len(differences) - SHOWN
    return ", ".join(map(str, differences[:SHOWN])) + (f", and {more:,} more" if more > 0 else "")


def _others_reach(folder: Path) -> bool:
    """Whether others than we could put another folder in the place of one."""
    around = (parent.stat() for parent in folder.resolve().parents)
    return is_writable_by_others(folder.stat()) or any(
        is_writable_by_others(status) and not status.st_mode & stat.S_ISVTX for status in around
    )


def fetch_files(
    uri: str,
    integrity: IntegrityPolicy,
    made: contextlib.ExitStack,
    *,
    pinned: str | None = None,
    key: str = "loader.integrity",
) -> Files:
    """Get a model's files onto this machine, and look whether they are those that were published.

    Args:
        uri: A model's URI, or its folder.
        integrity: What becomes of it if they are not.
        made: Takes the folders that are made for it; the model needs them as long as it lives.
        pinned: The digest that the manifest must have, where that is known already.
        key: What to set in the configuration to have it loaded all the same.

    Raises:
        IntegrityError: They are not those that were published.
        MlflowException: There is no such model.
        OSError: Its files cannot be read.
    """
    downloaded = []

    def make_folder() -> Path:
        folder = made.enter_context(temporary_folder())
        downloaded.append(folder)
        return folder

    stored = Path(uri)
    said: Mapping[str, str] | None = None if pinned is None else {ARTIFACT_DIGEST: pinned}
    if not stored.is_dir():
        known = find_published(uri) if integrity != "off" else None
        said = None if known is None else known.tags
        stored = mlflow_compat.download_model(known.files if known else uri, make_folder)
    if integrity == "off":
        return Files(stored, stored)
    place = (
        None if downloaded else stored
    )  # who reads of it can do nothing about a temporary folder
    judged = verify_files(stored, said, make_folder)
    _decide(uri, place, judged, integrity, key)
    return Files(stored, stored) if judged.problems else Files(judged.folder, stored, judged.digest)


def _decide(
    uri: str, stored: Path | None, judged: VerificationResult, integrity: IntegrityPolicy, key: str
) -> None:
    """Refuse what is not as it was published, or say so; and say where nobody can tell."""
    if judged.problems:
        error = _refused(uri, stored, judged, key)
        if integrity == "strict":
            raise error
        log.warning("%s", error)
    elif judged.digest is None:
        log.warning(
            "%s has no manifest: nothing can say whether its files are those that were published",
            uri,
        )


def check_signature(
    uri: str, signature: Signature | None, integrity: IntegrityPolicy, key: str
) -> None:
    """Look whether a model's signature is the one that was published; no file is read.

    Args:
        uri: Its URI; of a folder nothing is known.
        signature: What its `MLmodel` file says.
        integrity: What becomes of it if it is not.
        key: What to set in the configuration to have it read all the same.

    Raises:
        IntegrityError: It is another one, or was removed.
    """
    from mlflow.exceptions import MlflowException

    if integrity == "off" or Path(uri).is_dir():
        return
    try:
        known = find_published(uri)
    except MlflowException:  # whoever reads its files will tell
        return
    expected = known and known.tags.get(SIGNATURE_DIGEST)
    if expected is None or (signature is not None and digest(signature) == expected):
        return
    what = "its signature was removed" if signature is None else "its signature was changed"
    _decide(
        uri,
        None,
        VerificationResult(Path(), problems=(Problem("SIGNATURE_CHANGED", what),)),
        integrity,
        key,
    )


def _refused(uri: str, stored: Path | None, judged: VerificationResult, key: str) -> IntegrityError:
    found: dict[str, Any] = {
        kind: tuple(one.path for one in judged.differences if one.kind == kind)
        for kind in ("changed", "missing", "added", "special")
    }
    where = f"Its files lie in {stored}.\n" if stored is not None else ""
    return IntegrityError(
        f"{uri!r} is not as it was published: {'; '.join(problem.text for problem in judged.problems)}",
        remedy=f"{where}Restore what was published, or publish it again; task=audit lists all such versions. "
        f"If you trust it as it is: {key}=off.",
        uri=uri,
        problems=judged.problems,
        **found,
    )
