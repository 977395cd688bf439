"""Manifests, and every difference between a folder and its manifest."""

from __future__ import annotations

import hashlib
import json
import os
import random
from pathlib import Path
from typing import Any

import pytest

from modelpact.errors import IntegrityError, SaveError
from modelpact.security import manifest as manifests
from modelpact.security.manifest import (
    MANIFEST,
    Difference,
    File,
    Manifest,
    is_bytecode,
)

FILES = {
    "MLmodel": b"flavors: {}\n",
    "code/a.py": b"x = 1\n",
    "state/empty": b"",
    "state/large": bytes(range(256)) * 3000,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Some files, and their manifest."""
    for name, content in FILES.items():
        (tmp_path / "model" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "model" / name).write_bytes(content)
    Manifest.from_folder(tmp_path / "model").write(tmp_path / "model")
    return tmp_path / "model"


def read(folder: Path) -> Manifest:
    """The manifest in a folder."""
    content = Manifest.read_content(folder)
    assert content is not None
    return Manifest.parse(content)


def found(folder: Path) -> list[str]:
    """Return the differences between a folder and its manifest."""
    manifest = read(folder)
    return [
        str(one)
        for one in manifest.compare_listing(folder).differences or manifest.compare_contents(folder)
    ]


def test_a_manifest_lists_every_other_file_with_digest_and_size(folder: Path) -> None:
    written = json.loads((folder / MANIFEST).read_text())
    assert written == {
        "format": 1,
        "files": {
            name: {"sha256": hashlib.sha256(text).hexdigest(), "size": len(text)}
            for name, text in FILES.items()
        },
    }
    assert list(written["files"]) == sorted(FILES)
    assert found(folder) == []


def test_the_digest_is_that_of_its_file_and_does_not_depend_on_the_folder(
    folder: Path, tmp_path: Path
) -> None:
    manifest = read(folder)
    assert manifest.digest == hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()
    assert Manifest.from_folder(folder.rename(tmp_path / "elsewhere")) == manifest


def test_a_folder_without_a_manifest(tmp_path: Path) -> None:
    assert Manifest.read_content(tmp_path) is None


def test_manifests_with_any_file_names_are_read_back(tmp_path: Path) -> None:
    assert Manifest.parse(Manifest({}).to_bytes()) == Manifest({})
    for name in ("naïve file.json", "ab:c", "~", "..a", "c d/\u4e2d", "'\"", "-", "x\ty"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    manifest = Manifest.from_folder(tmp_path)
    assert len(manifest.files) == 8
    assert Manifest.parse(manifest.to_bytes()) == manifest
    assert manifest.to_bytes().isascii()


def replace_by_pipe(model: Path) -> None:
    (model / "MLmodel").unlink()
    os.mkfifo(model / "MLmodel")


CHANGES: dict[str, tuple[Any, list[str]]] = {
    "one byte": (
        lambda model: (model / "code/a.py").write_bytes(b"x = 2\n"),
        ["code/a.py was changed"],
    ),
    "more bytes": (
        lambda model: (model / "code/a.py").write_bytes(b"x = 1\n\n"),
        ["code/a.py was changed"],
    ),
    "removed": (lambda model: (model / "state/empty").unlink(), ["state/empty was removed"]),
    "added": (lambda model: (model / "code/b.py").touch(), ["code/b.py was added"]),
    "renamed": (
        lambda model: (model / "code/a.py").rename(model / "code/b.py"),
        ["code/a.py was removed", "code/b.py was added"],
    ),
    "other case": (
        lambda model: (model / "MLmodel").rename(model / "mlmodel"),
        ["MLmodel was removed", "mlmodel was added"],
    ),
    "swapped": (
        lambda model: (
            (model / "MLmodel").rename(model / "x"),
            (model / "code/a.py").rename(model / "MLmodel"),
        ),
        ["MLmodel was changed", "code/a.py was removed", "x was added"],
    ),
    "a folder instead": (
        lambda model: (
            (model / "MLmodel").unlink(),
            (model / "MLmodel").mkdir(),
            (model / "MLmodel/x").touch(),
        ),
        ["MLmodel was removed", "MLmodel/x was added"],
    ),
    "a link instead": (
        lambda model: (
            (model / "MLmodel").rename(model.parent / "outside"),
            (model / "MLmodel").symlink_to(model.parent / "outside"),
        ),
        ["MLmodel is not a regular file"],
    ),
    "a linked folder": (
        lambda model: (model / "more").symlink_to(model.parent),
        ["more is not a regular file"],
    ),
    "a linked folder instead": (
        lambda model: (
            (model / "code").rename(model.parent / "code"),
            (model / "code").symlink_to(model.parent / "code"),
        ),
        ["code is not a regular file", "code/a.py was removed"],
    ),
    "a pipe instead": (
        replace_by_pipe,
        ["MLmodel is not a regular file"],
    ),
    "code without source": (lambda model: (model / "code/b.pyc").touch(), ["code/b.pyc was added"]),
    "no code in its place": (
        lambda model: (
            (model / "code/__pycache__").mkdir(),
            (model / "code/__pycache__/b.py").touch(),
        ),
        ["code/__pycache__/b.py was added"],
    ),
    "a folder of MLflow's note's name": (
        lambda model: (
            (model / "registered_model_meta").mkdir(),
            (model / "registered_model_meta/x").touch(),
        ),
        ["registered_model_meta/x was added"],
    ),
    "the same, elsewhere": (
        lambda model: (model / "code/registered_model_meta").touch(),
        ["code/registered_model_meta was added"],
    ),
}


@pytest.mark.parametrize("case", CHANGES)
def test_every_difference_is_named(case: str, folder: Path) -> None:
    change, expected = CHANGES[case]
    change(folder)
    assert found(folder) == expected


def test_files_added_by_mlflow_and_empty_folders_are_ignored(folder: Path) -> None:
    (folder / "registered_model_meta").write_text("model_name: sums\n")
    (folder / "nothing").mkdir()
    assert found(folder) == []


def test_unreadable_and_removed_files_are_changed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = read(folder)
    (folder / "MLmodel").unlink()
    assert manifest.compare_contents(folder) == [Difference("changed", "MLmodel")]


def test_any_changed_byte_name_or_file_is_found(folder: Path) -> None:
    chance = random.Random(0)
    for _ in range(60):
        name = chance.choice([MANIFEST, *(name for name in FILES if FILES[name])])
        before = (folder / name).read_bytes()
        place = chance.randrange(len(before))
        (folder / name).write_bytes(
            before[:place]
            + bytes([before[place] ^ (1 << chance.randrange(8))])
            + before[place + 1 :]
        )
        try:
            assert found(folder), f"{name} at {place}"
        except IntegrityError:
            assert name == MANIFEST
        (folder / name).write_bytes(before)
    assert found(folder) == []


def test_bytecode_is_listed_separately(folder: Path) -> None:
    (folder / "code/__pycache__").mkdir()
    (folder / "code/__pycache__/a.cpython-311.pyc").touch()
    listing = read(folder).compare_listing(folder)
    assert listing.differences == []
    assert listing.bytecode == ["code/__pycache__/a.cpython-311.pyc"]
    assert is_bytecode("__pycache__/x.pyc.140012")
    assert not is_bytecode("my__pycache__/x.pyc")


def test_a_copy_has_the_listed_files_and_empty_folders(folder: Path, tmp_path: Path) -> None:
    for name in ("empty", "code/__pycache__"):
        (folder / name).mkdir()
    for name in ("added", "registered_model_meta", "code/__pycache__/a.cpython-311.pyc"):
        (folder / name).write_text("not to be loaded")
    copied = read(folder).copy(folder, tmp_path / "copy")
    assert sorted(str(path.relative_to(copied)) for path in copied.rglob("*")) == sorted(
        [*FILES, MANIFEST, "code", "state", "empty"]
    )
    assert found(copied) == []


def test_a_copy_does_not_follow_links(folder: Path, tmp_path: Path) -> None:
    manifest = read(folder)
    (folder / "MLmodel").unlink()
    (folder / "MLmodel").symlink_to("/etc/passwd")
    with pytest.raises(OSError, match="MLmodel"):
        manifest.copy(folder, tmp_path / "copy")


DIGEST = "0" * 64
GOOD = (
    f'{{\n  "format": 1,\n  "files": {{\n    "a": {{"sha256": "{DIGEST}", "size": 1}}\n  }}\n}}\n'
)

BROKEN: dict[str, tuple[str | bytes, str]] = {
    "nothing": ("", "it is not JSON"),
    "half of it": (GOOD[:60], "it is not JSON"),
    "no text": (b"\xff\xfe\x00", "it is not JSON"),
    "nested too deeply": ("[" * 100_000, "it is not JSON"),
    "a number too long": (GOOD.replace('"size": 1', '"size": ' + "9" * 5000), "it is not JSON"),
    "a list": ("[]", "is not a JSON object"),
    "no files": ('{"format": 1}', "does not consist of"),
    "another key": (GOOD.replace('"format": 1', '"format": 1, "more": 2'), "does not consist of"),
    "files in a list": ('{"format": 1, "files": []}', "does not consist of"),
    "another format": (
        GOOD.replace('"format": 1', '"format": 2'),
        "is of format 2; this version of modelpact reads format 1",
    ),
    "no format": (GOOD.replace('"format": 1', '"format": true'), "not in the canonical encoding"),
    "a file twice": (
        GOOD.replace('"a"', f'"a": {{"sha256": "{DIGEST}", "size": 2}}, "a"'),
        "not in the canonical encoding",
    ),
    "another order": (
        GOOD.replace('"a"', f'"b": {{"sha256": "{DIGEST}", "size": 2}}, "a"'),
        "not in the canonical encoding",
    ),
    "other spaces": (GOOD.replace('": {"sha', '":  {"sha'), "not in the canonical encoding"),
    "an escape": (GOOD.replace('"a"', '"\\u0061"'), "not in the canonical encoding"),
    "no entry": (
        GOOD.replace(f'{{"sha256": "{DIGEST}", "size": 1}}', "1"),
        "does not give `sha256` and `size` of a",
    ),
    "an entry with more": (
        GOOD.replace('"size": 1', '"size": 1, "x": 1'),
        "does not give `sha256` and `size` of a",
    ),
    "a short digest": (GOOD.replace(DIGEST, "0" * 63), "invalid sha256 of a"),
    "a digest in capitals": (GOOD.replace(DIGEST, "A" * 64), "invalid sha256 of a"),
    "a digest that is none": (GOOD.replace(f'"{DIGEST}"', "1"), "invalid sha256 of a"),
    "a size below 0": (GOOD.replace('"size": 1', '"size": -1'), "invalid size of a"),
    "a size that is no integer": (GOOD.replace('"size": 1', '"size": 1.0'), "invalid size of a"),
    "a size that is a boolean": (GOOD.replace('"size": 1', '"size": true'), "invalid size of a"),
    **{
        f"the name {name!r}": (
            GOOD.replace('"a"', json.dumps(name)),
            "not a valid path",
        )
        for name in (
            "",
            "/a",
            "../a",
            "a/../b",
            "a/..",
            "./a",
            "a//b",
            "a/",
            "a\\b",
            "C:a",
            "c:/a",
            "a\x00b",
            MANIFEST,
        )
    },
}


@pytest.mark.parametrize("case", BROKEN)
def test_malformed_manifests_are_rejected(case: str) -> None:
    content, why = BROKEN[case]
    with pytest.raises(IntegrityError, match=f"{MANIFEST} is invalid: .*{why}"):
        Manifest.parse(content.encode() if isinstance(content, str) else content)
    Manifest.parse(GOOD.encode())


def test_a_huge_manifest_is_not_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifests, "MAX_SIZE", 1000)
    os.truncate(folder / MANIFEST, 1 << 40)  # a hole, without bytes on the disk
    with pytest.raises(IntegrityError, match="more than 1,000 bytes"):
        Manifest.read_content(folder)


def test_a_huge_manifest_is_not_written(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifests, "MAX_SIZE", 100)
    with pytest.raises(SaveError, match="4 files, more than a manifest can list"):
        Manifest.from_folder(folder).write(folder)


@pytest.mark.parametrize("kind", ["folder", "link", "pipe"])
def test_a_manifest_that_is_not_a_regular_file_is_rejected(kind: str, folder: Path) -> None:
    content = (folder / MANIFEST).read_bytes()
    (folder / MANIFEST).unlink()
    if kind == "folder":
        (folder / MANIFEST).mkdir()
    elif kind == "pipe":
        os.mkfifo(folder / MANIFEST)
    else:
        (folder.parent / "elsewhere").write_bytes(content)
        (folder / MANIFEST).symlink_to(folder.parent / "elsewhere")
    with pytest.raises(IntegrityError, match="cannot be read"):
        Manifest.read_content(folder)


@pytest.mark.parametrize(
    "make", [lambda path: path.symlink_to("MLmodel"), os.mkfifo], ids=["link", "pipe"]
)
def test_special_files_are_rejected(make: Any, folder: Path) -> None:
    make(folder / "special")
    with pytest.raises(SaveError, match="'special' in the model's folder is not a regular file"):
        Manifest.from_folder(folder)


def test_file_names_that_are_not_portable_are_rejected(folder: Path) -> None:
    (folder / "a\\b").touch()
    with pytest.raises(SaveError, match="not valid on every platform"):
        Manifest.from_folder(folder)


def test_the_digest_is_stable() -> None:
    manifest = Manifest({"b": File(DIGEST, 1), "a": File(DIGEST, 0)})
    assert manifest.digest == "518af7022815dfbe2bdd27776a99998501818c002f90d393b6a809ffe9eda6de"
