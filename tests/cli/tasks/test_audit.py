from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest
from mlflow.exceptions import MlflowException
from pytest_mock import MockerFixture
from sklearn.linear_model import LinearRegression

from modelpact import audit as audit_versions
from modelpact import publish
from modelpact.cli.tasks import AuditTask
from modelpact.errors import IntegrityError, LoadError, StoreError
from modelpact.security.manifest import ARTIFACT_DIGEST, MANIFEST, Manifest
from modelpact.signature import infer
from modelpact.tracking import SqliteTracking
from tests.support.commands import CommandRunner, modelpact
from tests.support.publishing import client, not_none, numbers, steps

__all__ = ["modelpact"]  # the fixture

ROWS = numbers().read().inputs


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Path:
    """Return a folder with a store: sums 1 and 2, others 1 (the model of sums 1), plain 1 and 2."""
    home = tmp_path_factory.mktemp("audited")
    with contextlib.chdir(home), pytest.MonkeyPatch.context() as patch:
        patch.setenv("MODELPACT_CACHE", str(cache))
        uris = [str(publish(**steps()).model_uri) for _ in range(2)]
        client().create_registered_model("others")
        client().create_model_version("others", uris[0])
        line = LinearRegression().fit(ROWS, np.arange(len(ROWS)))
        with SqliteTracking().open():
            for signature in (None, infer(ROWS, np.arange(1.0))):
                mlflow.sklearn.log_model(
                    line,
                    name="plain",
                    registered_model_name="plain",
                    signature=signature,
                    pip_requirements=["scikit-learn"],
                )
        mlflow.set_tracking_uri(None)  # type: ignore[arg-type]
        for name in ("mlruns", "mlflow.db"):
            shutil.copytree(name, f"kept-{name}") if Path(name).is_dir() else shutil.copyfile(
                name, f"kept-{name}"
            )
    return home


@pytest.fixture(autouse=True)
def home(filled: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Work in that folder and restore it afterwards."""
    monkeypatch.chdir(filled)
    yield filled
    shutil.rmtree("mlruns")
    shutil.copytree("kept-mlruns", "mlruns")
    shutil.copyfile("kept-mlflow.db", "mlflow.db")


def folder_of(name: str, version: int) -> Path:
    return Path(client().get_model_version_download_uri(name, str(version)).removeprefix("file://"))


def audited(
    capsys: pytest.CaptureFixture[str], name: str | None = "sums"
) -> tuple[dict[tuple[str, str], Any], bool]:
    """Return the JSON of each version by name and number, and whether the audit failed."""
    failed = True
    with contextlib.suppress(IntegrityError):
        AuditTask(name=name, format="json", tracking=SqliteTracking()).run(Path())
        failed = False
    found = json.loads(capsys.readouterr().out)
    assert sum(found["counts"].values()) == sum(len(one["findings"]) for one in found["versions"])
    return {(one["name"], one["version"]): one for one in found["versions"]}, failed


def codes(one: dict[str, Any]) -> list[str]:
    return [finding["code"] for finding in one["findings"]]


def test_intact_versions_are_only_counted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found, failed = audited(capsys)
    assert {key: one["findings"] for key, one in found.items()} == {
        ("sums", "1"): [],
        ("sums", "2"): [],
    }
    assert not failed
    AuditTask(name="sums", tracking=SqliteTracking()).run(Path())
    assert capsys.readouterr().out == "2 versions audited, 2 as published\n"


def test_python_gets_the_audit_as_an_object() -> None:
    audit = audit_versions(tracking=SqliteTracking())
    assert audit.ok
    assert len(audit.versions) == 5
    (folder_of("sums", 2) / "MLmodel").unlink()
    audit = audit_versions("sums", tracking=SqliteTracking())
    assert not audit.ok
    assert [(version.name, version.version) for version in audit.failed] == [("sums", "2")]
    assert audit.failed[0].files == (("MLmodel", "missing"),)
    assert "FILES_CHANGED" in audit._repr_html_()
    with pytest.raises(LoadError, match="sum"):
        audit_versions("sum", tracking=SqliteTracking())
    with pytest.raises(StoreError, match=r'set tracking=\{"uri": "sqlite:////path/to/it.db"\}'):
        audit_versions(tracking={"uri": "sqlite:///none.db"})


def test_versions_of_plain_mlflow_are_listed_and_do_not_fail(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found, failed = audited(capsys, None)
    assert list(found) == [
        ("others", "1"),
        ("plain", "1"),
        ("plain", "2"),
        ("sums", "1"),
        ("sums", "2"),
    ]
    assert codes(found["plain", "1"]) == ["NEVER_SIGNED", "NO_MANIFEST"]
    assert codes(found["plain", "2"]) == ["NO_MANIFEST"]
    assert not failed
    AuditTask(tracking=SqliteTracking()).run(Path())
    assert capsys.readouterr().out.splitlines()[:3] == [
        "5 versions audited, 3 as published",
        "  name   version  finding       detail",
        "  plain  1        NEVER_SIGNED  it has no signature",
    ]


def rewrite(folder: Path) -> None:
    """Change a file and its manifest."""
    (folder / "saved_model.py").write_text("")
    Manifest.from_folder(folder).write(folder)


def empty_folder(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


CHANGES: dict[str, tuple[Callable[[Path], Any], list[tuple[str, str]], list[tuple[str, str]]]] = {
    "a file": (
        lambda folder: (folder / "saved_model.py").write_text(""),
        [("FILES_CHANGED", "saved_model.py was changed")],
        [("saved_model.py", "changed")],
    ),
    "another file and one more": (
        lambda folder: (folder / "requirements.txt").rename(folder / "requirements.md"),
        [("FILES_CHANGED", "requirements.md was added, requirements.txt was removed")],
        [("requirements.md", "added"), ("requirements.txt", "missing")],
    ),
    "the signature": (
        lambda folder: mlflow.models.set_signature(str(folder), infer(ROWS)),
        [
            ("FILES_CHANGED", "MLmodel was changed"),
            ("SIGNATURE_CHANGED", "its signature was changed"),
        ],
        [("MLmodel", "changed")],
    ),
    "the MLmodel file": (
        lambda folder: (folder / "MLmodel").write_text("["),
        [
            ("FILES_CHANGED", "MLmodel was changed"),
            ("SIGNATURE_CHANGED", "its signature cannot be read: ParserError"),
        ],
        [("MLmodel", "changed")],
    ),
    "the manifest": (rewrite, [("MANIFEST_CHANGED", f"{MANIFEST} was changed")], []),
    "no manifest": (
        lambda folder: (folder / MANIFEST).unlink(),
        [("MANIFEST_GONE", f"{MANIFEST} was removed")],
        [],
    ),
    "no files": (shutil.rmtree, [("SOURCE_GONE", "there are no files in {folder}")], []),
    "no files in the folder": (
        empty_folder,
        [("SOURCE_GONE", "there are no files in {folder}")],
        [],
    ),
}


@pytest.mark.parametrize("case", CHANGES)
def test_each_change_is_found(case: str, capsys: pytest.CaptureFixture[str]) -> None:
    change, findings, files = CHANGES[case]
    folder = folder_of("sums", 1)
    change(folder)
    found, failed = audited(capsys)
    said = [(finding["code"], finding["text"]) for finding in found["sums", "1"]["findings"]]
    assert said == [(code, text.format(folder=folder)) for code, text in findings]
    assert [(file["path"], file["what"]) for file in found["sums", "1"]["files"]] == files
    assert not found["sums", "1"]["ok"]
    assert failed
    assert found["sums", "2"]["ok"]


def test_shared_files_are_read_once_and_reported_for_each_version(
    capsys: pytest.CaptureFixture[str], mocker: MockerFixture
) -> None:
    read = mocker.spy(Manifest, "compare_contents")
    assert not audited(capsys, None)[1]
    assert read.call_count == 2
    (folder_of("sums", 1) / "saved_model.py").write_text("")
    found, _ = audited(capsys, None)
    assert [key for key, one in found.items() if not one["ok"]] == [("others", "1"), ("sums", "1")]


def test_a_removed_tag_is_found(capsys: pytest.CaptureFixture[str]) -> None:
    client().delete_model_version_tag("sums", "1", ARTIFACT_DIGEST)
    found, failed = audited(capsys)
    assert codes(found["sums", "1"]) == ["TAG_GONE"]
    assert failed


def test_a_deleted_model_is_a_missing_source(
    capsys: pytest.CaptureFixture[str],
) -> None:
    source = not_none(client().get_model_version("sums", "1").source)
    client().delete_logged_model(source.removeprefix("models:/"))
    found, failed = audited(capsys)
    assert found["sums", "1"]["findings"] == [
        {"code": "SOURCE_GONE", "text": f"{source} was deleted from the store"}
    ]
    assert failed


def test_files_without_an_attesting_tag_have_their_own_finding(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    shutil.copytree(folder_of("sums", 1), tmp_path / "copy")
    client().create_registered_model("copies")
    client().create_model_version("copies", str(tmp_path / "copy"))
    found, failed = audited(capsys, "copies")
    assert codes(found["copies", "1"]) == ["NO_TAG"]
    assert not failed


def test_a_failing_artifact_store_does_not_end_the_audit(
    capsys: pytest.CaptureFixture[str], mocker: MockerFixture
) -> None:
    mocker.patch(
        "modelpact.registry.version_audit.mlflow_compat.download_model",
        side_effect=MlflowException("503: try later"),
    )
    found, failed = audited(capsys)
    assert found["sums", "2"]["findings"] == [
        {"code": "UNREADABLE", "text": "MlflowException: 503: try later"}
    ]
    assert failed


def test_missing_files_on_a_server_are_a_missing_source(
    capsys: pytest.CaptureFixture[str], mocker: MockerFixture
) -> None:
    mocker.patch(
        "modelpact.registry.version_audit.mlflow_compat.download_model",
        side_effect=MlflowException("500: no such file"),
    )
    mocker.patch("mlflow.artifacts.list_artifacts", side_effect=[[], MlflowException("503")])
    found, _ = audited(capsys)
    assert codes(found["sums", "1"]) == ["SOURCE_GONE"]
    assert codes(found["sums", "2"]) == ["UNREADABLE"]


def test_unreadable_files_are_a_finding(
    capsys: pytest.CaptureFixture[str], mocker: MockerFixture
) -> None:
    mocker.patch(
        "modelpact.registry.version_audit.mlflow_compat.download_model",
        side_effect=PermissionError("not yours"),
    )
    found, _ = audited(capsys)
    assert found["sums", "1"]["findings"] == [
        {"code": "UNREADABLE", "text": "PermissionError: not yours"}
    ]


def test_downloads_are_removed(capsys: pytest.CaptureFixture[str], mocker: MockerFixture) -> None:
    made = []

    def download(uri: str, make_folder: Callable[[], Path]) -> Path:
        made.append(make_folder())
        return Path(shutil.copytree(uri.removeprefix("file://"), made[-1] / "model"))

    mocker.patch("modelpact.registry.version_audit.mlflow_compat.download_model", download)
    assert not audited(capsys)[1]
    assert [path.exists() for path in made] == [False, False]


class TestErrors:
    def test_a_store_that_does_not_exist(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with (
            contextlib.chdir(tmp_path),
            pytest.raises(StoreError, match=r"the store mlflow\.db does not exist"),
        ):
            AuditTask(tracking=SqliteTracking()).run(tmp_path)
        assert not (tmp_path / "mlflow.db").exists()

    def test_a_store_that_fails(self, mocker: MockerFixture) -> None:
        mocker.patch(
            "mlflow.MlflowClient.get_model_version_download_uri",
            side_effect=MlflowException("gone away"),
        )
        with pytest.raises(StoreError, match=r"cannot audit the store .*: gone away"):
            AuditTask(tracking=SqliteTracking()).run(Path())

    def test_a_name_that_is_not_registered(self) -> None:
        with pytest.raises(
            LoadError,
            match=r"no registered model 'smus' \(did you mean 'sums'\?\)\nRegistered models: others, plain",
        ):
            AuditTask(name="smus", tracking=SqliteTracking()).run(Path())

    def test_a_name_without_versions(self, capsys: pytest.CaptureFixture[str]) -> None:
        client().create_registered_model("empty")
        assert audited(capsys, "empty") == ({}, False)

    def test_an_empty_registry(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with contextlib.chdir(tmp_path):
            with SqliteTracking().open():
                pass
            with pytest.raises(LoadError, match="Nothing is registered"):
                AuditTask(name="sums", tracking=SqliteTracking()).run(tmp_path)
            AuditTask(tracking=SqliteTracking()).run(tmp_path)


@pytest.mark.slow
def test_on_the_command_line(modelpact: CommandRunner) -> None:
    assert modelpact("task=audit", "name=sums").status == 0
    rewrite(folder_of("sums", 2))
    ended = modelpact("task=audit", "task.name=sums")
    assert ended.status == 1
    assert ended.out.splitlines()[0] == "2 versions audited, 1 as published"
    assert ended.err.startswith("error: 1 of 2 versions is not as published\n")
    ended = modelpact("task=audit", "task.format=json")
    assert [one["ok"] for one in json.loads(ended.out)["versions"]] == [
        True,
        True,
        True,
        True,
        False,
    ]
