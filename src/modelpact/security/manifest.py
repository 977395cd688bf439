"""The manifest of a saved model: the SHA-256 and the size of each file, stored in the same folder.

    {
      "format": 1,
      "files": {
        "MLmodel": {"sha256": "9f3c...", "size": 1184},
        "artifacts/config.json": {"sha256": "02ab...", "size": 97}
      }
    }

The encoding is canonical; any other byte sequence is rejected. The SHA-256 of the manifest
identifies the whole model.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Literal, NamedTuple

from modelpact._internal.text import truncate
from modelpact.errors import IntegrityError, SaveError
from modelpact.security.regular_files import (
    hash_file,
    is_writable_by_others,
    open_regular,
    walk,
)

__all__ = [
    "ARTIFACT_DIGEST",
    "MANIFEST",
    "SIGNATURE_DIGEST",
    "Difference",
    "File",
    "Listing",
    "Manifest",
    "is_bytecode",
]

MANIFEST = "modelpact-manifest.json"
"""The name of the manifest in the model's folder."""

FORMAT = 1
"""The version of the stored format."""

ARTIFACT_DIGEST = "modelpact.artifact_digest"
"""The tag that holds the digest of the manifest."""

SIGNATURE_DIGEST = "modelpact.signature_digest"
"""The tag that holds the digest of the signature."""

MAX_SIZE = 1 << 24
"""Bytes of a manifest; enough for more than a hundred thousand files."""

_IGNORED = {MANIFEST, "registered_model_meta"}
"""The manifest itself, and a file that MLflow adds to downloads and never reads."""

_BYTECODE = re.compile(r"(.*/)?__pycache__/[^/]+\.pyc(\.\d+)?")


class File(NamedTuple):
    """The entry of a file: SHA-256 in hex, and size in bytes."""

    sha256: str
    size: int


class Difference(NamedTuple):
    """A file that differs from its manifest; `special` is an entry that is not a regular file."""

    kind: Literal["changed", "missing", "added", "special"]
    path: str

    def __str__(self) -> str:
        return f"{self.path} {_PHRASES[self.kind]}"


_PHRASES = {
    "changed": "was changed",
    "missing": "was removed",
    "added": "was added",
    "special": "is not a regular file",
}


class Listing(NamedTuple):
    """The names and sizes in a folder, compared with a manifest.

    Attributes:
        differences: The files that differ.
        bytecode: Compiled files, which Python would run instead of the source.
        shared: Whether other users can write there.
    """

    differences: list[Difference]
    bytecode: list[str]
    shared: bool


@dataclass(frozen=True, slots=True)
class Manifest:
    """The files of a model by relative path, with slashes.

    Example:
        >>> manifest = Manifest({"MLmodel": File(hashlib.sha256(b"x").hexdigest(), 1)})
        >>> Manifest.parse(manifest.to_bytes()) == manifest
        True
    """

    files: Mapping[str, File]

    @classmethod
    def from_folder(cls, folder: Path) -> Manifest:
        """Create the manifest of a folder.

        Raises:
            SaveError: An entry is not a regular file, or its name is not portable.
        """
        files = {}
        for path, status in walk(folder):
            if path in _IGNORED or stat.S_ISDIR(status.st_mode):
                continue
            _check_entry(path, status)
            files[path] = File(hash_file(folder / path), status.st_size)
        return cls(files)

    @staticmethod
    def read_content(folder: Path) -> bytes | None:
        """Return the bytes of the manifest in a folder, unparsed; None if it does not exist.

        Raises:
            IntegrityError: It is not a regular file, or is too large.
        """
        try:
            with open_regular(folder / MANIFEST) as file:
                content = file.read(MAX_SIZE + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _invalid(f"cannot be read: {error.strerror or error}") from error
        if len(content) > MAX_SIZE:
            raise _invalid(f"has more than {MAX_SIZE:,} bytes")
        return content

    @classmethod
    def parse(cls, content: bytes) -> Manifest:
        """Parse the bytes of a manifest.

        Raises:
            IntegrityError: They are malformed, or not in the canonical encoding.
        """
        try:
            document = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise _invalid(f"is not JSON: {type(error).__name__}") from error
        manifest = cls(_parse_files(document))
        # duplicate keys, other whitespace or another order
        if manifest.to_bytes() != content:
            raise _invalid("is not in the canonical encoding")
        return manifest

    def to_bytes(self) -> bytes:
        """Return the canonical encoding, which is the same on every machine."""
        lines = (
            f'    {json.dumps(path)}: {{"sha256": "{file.sha256}", "size": {file.size}}}'
            for path, file in sorted(self.files.items())
        )
        files = ",\n".join(lines)
        return f'{{\n  "format": {FORMAT},\n  "files": {{\n{files}\n  }}\n}}\n'.encode("ascii")

    @property
    def digest(self) -> str:
        """The SHA-256 of the canonical encoding, in hex."""
        return hashlib.sha256(self.to_bytes()).hexdigest()

    def write(self, folder: Path) -> None:
        """Write the manifest into a folder.

        Raises:
            SaveError: There are too many files.
        """
        content = self.to_bytes()
        if len(content) > MAX_SIZE:
            raise SaveError(
                f"the model has {len(self.files):,} files, more than a manifest can list",
                remedy="Pack them into an archive.",
            )
        (folder / MANIFEST).write_bytes(content)

    def compare_listing(self, folder: Path) -> Listing:
        """Compare the names and sizes in a folder with the manifest; no file is read."""
        differences, bytecode, found, shared = [], [], set(), False
        for path, status in walk(folder):
            shared = shared or is_writable_by_others(status)
            if stat.S_ISDIR(status.st_mode):
                continue
            found.add(path)
            kind = self._difference_kind(path, status)
            if kind == "added" and is_bytecode(path):
                bytecode.append(path)
            elif kind is not None:
                differences.append(Difference(kind, path))
        differences += [Difference("missing", path) for path in self.files.keys() - found]
        return Listing(sorted(differences, key=attrgetter("path")), bytecode, shared)

    def _difference_kind(
        self, path: str, status: os.stat_result
    ) -> Literal["special", "changed", "added"] | None:
        if not stat.S_ISREG(status.st_mode):
            return "special"
        if path in self.files:
            return None if status.st_size == self.files[path].size else "changed"
        return None if path in _IGNORED else "added"

    def compare_contents(self, folder: Path) -> list[Difference]:
        """Return the files in a folder whose content differs."""
        return [
            Difference("changed", path)
            for path, file in self.files.items()
            if not _has_digest(folder / path, file.sha256)
        ]

    def copy(self, source: Path, target: Path) -> Path:
        """Copy the listed files and the manifest into a new folder, and nothing else."""
        for path, status in walk(source):
            # a model may need a folder that is empty
            if stat.S_ISDIR(status.st_mode) and not path.endswith("__pycache__"):
                (target / path).mkdir(parents=True, exist_ok=True)
        for path in [MANIFEST, *self.files]:
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            with open_regular(source / path) as file, (target / path).open("wb") as copied:
                shutil.copyfileobj(file, copied, 1 << 20)
        return target


def _check_entry(path: str, status: os.stat_result) -> None:
    if not _is_portable(path):
        fault = "has a name that is not valid on every platform"
    elif not stat.S_ISREG(status.st_mode):
        fault = "is not a regular file"
    else:
        return
    raise SaveError(
        f"{path!r} in the model's folder {fault}",
        remedy="Save regular files, not links.",
        path=path,
    )


def is_bytecode(path: str) -> bool:
    """Check whether a path is where Python stores compiled code.

    Example:
        >>> is_bytecode("code/__pycache__/toys.cpython-311.pyc"), is_bytecode("code/toys.pyc")
        (True, False)
    """
    return _BYTECODE.fullmatch(path) is not None


def _has_digest(path: Path, sha256: str) -> bool:
    try:
        return hash_file(path) == sha256
    except OSError:
        # it was deleted meanwhile, or is not readable
        return False


def _is_portable(path: str) -> bool:
    """Check that a path stays in the folder and is valid on every platform."""
    parts = path.split("/")
    return (
        path not in _IGNORED
        and not {"", ".", ".."} & set(parts)
        and re.search(r"[\\\x00]|^[A-Za-z]:", path) is None
    )


def _parse_files(document: object) -> dict[str, File]:
    if not isinstance(document, dict):
        raise _invalid("is not a JSON object")
    format_ = document.get("format")
    if type(format_) is int and format_ != FORMAT:
        raise _invalid(f"is of format {format_}; this version of modelpact reads format {FORMAT}")
    if document.keys() != {"format", "files"} or not isinstance(document["files"], dict):
        raise _invalid("does not consist of `format` and `files`")
    return {path: _parse_file(path, entry) for path, entry in document["files"].items()}


def _parse_file(path: str, entry: object) -> File:
    name = truncate(path, 80)
    if not _is_portable(path):
        raise _invalid(f"lists {truncate(repr(path), 80)}, which is not a valid path")
    if not isinstance(entry, dict) or entry.keys() != {"sha256", "size"}:
        raise _invalid(f"does not give `sha256` and `size` of {name}")
    return _parse_values(name, entry["sha256"], entry["size"])


def _parse_values(name: str, sha256: object, size: object) -> File:
    if not isinstance(sha256, str) or re.fullmatch(r"[0-9a-f]{64}", sha256) is None:
        raise _invalid(f"has an invalid sha256 of {name}")
    if type(size) is not int or size < 0:
        raise _invalid(f"has an invalid size of {name}")
    return File(sha256, size)


def _invalid(fault: str) -> IntegrityError:
    return IntegrityError(f"{MANIFEST} is invalid: it {fault}")
