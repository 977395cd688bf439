"""What a saved model is made of: the SHA-256 and the size of each of its files, in a file beside them.

    {
      "format": 1,
      "files": {
        "MLmodel": {"sha256": "9f3c...", "size": 1184},
        "artifacts/config.json": {"sha256": "02ab...", "size": 97}
      }
    }

There is one way to write a manifest; whatever is not written so is none. Its own SHA-256 stands for the whole model.
"""

from __future__ import annotations

import errno
import functools
import hashlib
import json
import os
import re
import shutil
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from modelpact._internal.text import truncate
from modelpact.errors import IntegrityError, SaveError

__all__ = [
    "ARTIFACT_DIGEST",
    "MANIFEST",
    "SIGNATURE_DIGEST",
    "Difference",
    "File",
    "Listing",
    "Manifest",
    "is_bytecode",
    "is_writable_by_others",
    "open_regular",
]

MANIFEST = "modelpact-manifest.json"
"""The name of the file, in the model's folder."""

FORMAT = 1
"""The version of what the file holds."""

ARTIFACT_DIGEST = "modelpact.artifact_digest"
"""The tag that holds a manifest's digest."""

SIGNATURE_DIGEST = "modelpact.signature_digest"
"""The tag that holds the signature's digest."""

LARGEST = 1 << 24
"""Bytes of a manifest that are read: those of more than a hundred thousand files."""

_BLOCK = 1 << 18

_IGNORED = {MANIFEST, "registered_model_meta"}
"""The manifest itself, and MLflow's note of the version that files were downloaded for, which nobody reads."""

_COMPILED = re.compile(r"(.*/)?__pycache__/[^/]+\.pyc(\.\d+)?")


class File(NamedTuple):
    """What a manifest says of a file: SHA-256 in hex, and bytes."""

    sha256: str
    size: int


class Difference(NamedTuple):
    """One file that is not as its manifest says, and why; `special` is what is no plain file."""

    kind: Literal["changed", "missing", "added", "special"]
    path: str

    def __str__(self) -> str:
        return (
            f"{self.path} is neither a file nor a folder"
            if self.kind == "special"
            else f"{self.path} was {_WORDS[self.kind]}"
        )


_WORDS = {"changed": "changed", "missing": "removed", "added": "added"}


class Listing(NamedTuple):
    """What lies in a folder, compared with a manifest by names and sizes.

    Attributes:
        differences: The files that are not as it says.
        compiled: What Python may have written beside the code, and would run instead of it.
        shared: Whether others than we can write there.
    """

    differences: list[Difference]
    compiled: list[str]
    shared: bool


@dataclass(frozen=True, slots=True)
class Manifest:
    """The files of a model by their paths, relative to its folder and with slashes.

    Example:
        >>> manifest = Manifest({"MLmodel": File(hashlib.sha256(b"x").hexdigest(), 1)})
        >>> Manifest.parse(manifest.to_bytes()) == manifest
        True
    """

    files: Mapping[str, File]

    @classmethod
    def from_folder(cls, folder: Path) -> Manifest:
        """The manifest of what lies in a folder.

        Raises:
            SaveError: Something in it is no plain file, or has a name that other machines cannot have.
        """
        files = {}
        for path, status in _entries(folder):
            if path in _IGNORED:
                continue
            if not stat.S_ISREG(status.st_mode) or not _is_name(path):
                what = (
                    "is no plain file"
                    if _is_name(path)
                    else "has a name that not every machine can have"
                )
                raise SaveError(
                    f"{path!r} in the model's folder {what}",
                    remedy="Save plain files, without links.",
                    path=path,
                )
            files[path] = File(_sha256(folder / path), status.st_size)
        return cls(files)

    @staticmethod
    def read_content(folder: Path) -> bytes | None:
        """What the file in a folder holds, whatever that is; None where there is none.

        Raises:
            IntegrityError: It is no plain file, or larger than any manifest.
        """
        try:
            with open_regular(folder / MANIFEST) as file:
                content: bytes = file.read(LARGEST + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _broken(f"it cannot be read: {error.strerror or error}") from error
        if len(content) > LARGEST:
            raise _broken(f"it has more than {LARGEST:,} bytes")
        return content

    @classmethod
    def parse(cls, content: bytes) -> Manifest:
        """The manifest that a file holds.

        Raises:
            IntegrityError: It is none, or not written as this release writes it.
        """
        try:
            found = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise _broken(f"it is no JSON: {type(error).__name__}") from error
        if (
            isinstance(found, dict)
            and type(found.get("format")) is int
            and found["format"] != FORMAT
        ):
            raise _broken(f"it is of format {found['format']}, and this release reads {FORMAT}")
        if (
            not isinstance(found, dict)
            or found.keys() != {"format", "files"}
            or not isinstance(found["files"], dict)
        ):
            raise _broken("it is not made of `format` and `files`")
        manifest = cls({path: _file(path, entry) for path, entry in found["files"].items()})
        if (
            manifest.to_bytes() != content
        ):  # names given twice, other numbers of spaces, another order
            raise _broken("it is not written as modelpact writes it")
        return manifest

    def to_bytes(self) -> bytes:
        """What its file holds: the same for the same files, on every machine."""
        lines = (
            f'    {json.dumps(path)}: {{"sha256": "{file.sha256}", "size": {file.size}}}'
            for path, file in sorted(self.files.items())
        )
        files = ",\n".join(lines)
        return f'{{\n  "format": {FORMAT},\n  "files": {{\n{files}\n  }}\n}}\n'.encode("ascii")

    @property
    def digest(self) -> str:
        """The SHA-256 of what its file holds, in hex."""
        return hashlib.sha256(self.to_bytes()).hexdigest()

    def write(self, folder: Path) -> None:
        """Write its file into a folder.

        Raises:
            SaveError: There are more files than a manifest can name.
        """
        content = self.to_bytes()
        if len(content) > LARGEST:
            raise SaveError(
                f"the model has {len(self.files):,} files, more than a manifest takes",
                remedy="Pack them.",
            )
        (folder / MANIFEST).write_bytes(content)

    def compare_listing(self, folder: Path) -> Listing:
        """What a folder lacks, has beside, or has in another size; no file is read yet."""
        differences, compiled, seen, shared = [], [], set(), False
        for path, status in _entries(folder, folders=True):
            shared = shared or is_writable_by_others(status)
            if stat.S_ISDIR(status.st_mode):
                continue
            seen.add(path)
            if not stat.S_ISREG(status.st_mode):
                differences.append(Difference("special", path))
            elif path in self.files:
                if status.st_size != self.files[path].size:
                    differences.append(Difference("changed", path))
            elif is_bytecode(path):
                compiled.append(path)
            elif path not in _IGNORED:
                differences.append(Difference("added", path))
        differences += [Difference("missing", path) for path in self.files.keys() - seen]
        return Listing(sorted(differences, key=lambda one: one.path), compiled, shared)

    def compare_contents(self, folder: Path) -> list[Difference]:
        """The files in a folder that hold something else; each is read in blocks."""
        return [
            Difference("changed", path)
            for path, file in self.files.items()
            if not _holds(folder / path, file)
        ]

    def copy(self, source: Path, target: Path) -> Path:
        """Copy the files that it names, and its own, into a folder that is made; what else lies beside them stays behind."""
        for path, status in _entries(source, folders=True):
            if stat.S_ISDIR(status.st_mode) and not path.endswith(
                "__pycache__"
            ):  # a model may look for one that is empty
                (target / path).mkdir(parents=True, exist_ok=True)
        for path in [MANIFEST, *self.files]:
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            with open_regular(source / path) as file, (target / path).open("wb") as copied:
                shutil.copyfileobj(file, copied, 1 << 20)
        return target


def is_bytecode(path: str) -> bool:
    """Whether a path is one where Python puts the code that it has compiled.

    Example:
        >>> is_bytecode("code/__pycache__/toys.cpython-311.pyc"), is_bytecode("code/toys.pyc")
        (True, False)
    """
    return _COMPILED.fullmatch(path) is not None


def is_writable_by_others(status: os.stat_result) -> bool:
    """Whether a file or folder is another user's, or one that other users may write; root is none of them."""
    if not hasattr(os, "geteuid"):  # Windows, which has no such bits
        return False
    mode = status.st_mode
    if status.st_uid not in {os.geteuid(), 0} or (mode & stat.S_IWOTH and not stat.S_ISLNK(mode)):
        return True
    return bool(mode & stat.S_IWGRP) and not stat.S_ISLNK(mode) and not _is_own_group(status.st_gid)


@functools.cache
def _is_own_group(gid: int) -> bool:
    """Whether nobody else is in a group, as in those that many systems make for each user."""
    import grp
    import pwd

    if gid == 0:
        return True
    try:
        user, group = pwd.getpwuid(os.geteuid()), grp.getgrgid(gid)
    except KeyError:
        return False
    return (
        gid == user.pw_gid and group.gr_name == user.pw_name and set(group.gr_mem) <= {user.pw_name}
    )


def _entries(folder: Path, *, folders: bool = False) -> Iterator[tuple[str, os.stat_result]]:
    """What lies in a folder at every depth, by relative path; links are not followed."""
    waiting = [""]
    while waiting:
        within = waiting.pop()
        with os.scandir(folder / within) as found:
            for entry in found:
                path = f"{within}{entry.name}"
                is_folder = entry.is_dir(follow_symlinks=False)
                if is_folder:
                    waiting.append(f"{path}/")
                if folders or not is_folder:
                    yield path, entry.stat(follow_symlinks=False)


def open_regular(path: Path) -> Any:
    """Open a plain file to read; a link is not followed, and a pipe not waited for.

    Raises:
        OSError: There is none, or it cannot be read.
    """
    return os.fdopen(_descriptor(path), "rb", buffering=0)


def _descriptor(path: Path) -> int:
    flags = (
        os.O_RDONLY
        | getattr(os, "O_NOFOLLOW", 0)
        | getattr(os, "O_NONBLOCK", 0)
        | getattr(os, "O_BINARY", 0)
    )
    descriptor = os.open(path, flags)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise OSError(errno.EINVAL, "it is no plain file", str(path))


def _sha256(path: Path) -> str:
    digest, descriptor = hashlib.sha256(), _descriptor(path)
    try:
        while block := os.read(descriptor, _BLOCK):
            digest.update(block)
    finally:
        os.close(descriptor)
    return digest.hexdigest()


def _holds(path: Path, file: File) -> bool:
    try:
        return _sha256(path) == file.sha256
    except OSError:  # it went away, or may not be read
        return False


def _is_name(path: str) -> bool:
    """Whether a path leads to a file in the folder, on every machine."""
    parts = path.split("/")
    return (
        path not in _IGNORED
        and not {"", ".", ".."} & set(parts)
        and re.search(r"[\\\x00]|^[A-Za-z]:", path) is None
    )


def _file(path: str, entry: Any) -> File:
    if not _is_name(path):
        raise _broken(
            f"it names a file {truncate(repr(path), 80)}, which cannot be one of the model's"
        )
    if not isinstance(entry, dict) or entry.keys() != {"sha256", "size"}:
        raise _broken(f"{truncate(path, 80)} is not told by `sha256` and `size`")
    sha256, size = entry["sha256"], entry["size"]
    if not isinstance(sha256, str) or re.fullmatch(r"[0-9a-f]{64}", sha256) is None:
        raise _broken(f"the sha256 of {truncate(path, 80)} is none")
    if type(size) is not int or size < 0:
        raise _broken(f"the size of {truncate(path, 80)} is none")
    return File(sha256, size)


def _broken(why: str) -> IntegrityError:
    return IntegrityError(
        f"{MANIFEST} is broken: {why}",
    )
