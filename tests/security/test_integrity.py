"""Tampered models are rejected before any of their code runs, which would run otherwise."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import logging
import os
import pickle
import random
import shutil
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cloudpickle
import joblib
import mlflow
import numpy as np
import pytest
import yaml
from pytest_mock import MockerFixture
from sklearn.linear_model import LinearRegression

from modelpact.errors import IntegrityError
from modelpact.loaders import BuiltinLoader, CustomLoader
from modelpact.models import MlflowModel, SklearnModel
from modelpact.savers import BuiltinSaver, CustomSaver, Saver
from modelpact.security import integrity
from modelpact.security.integrity import verify_files
from modelpact.security.manifest import ARTIFACT_DIGEST, MANIFEST, SIGNATURE_DIGEST, Manifest
from modelpact.security.published import find_published
from modelpact.signature import infer
from modelpact.tracking import SqliteTracking
from pickled_model import PickledModel
from tests.support.commands import CommandRunner, modelpact
from tests.support.publishing import client, numbers

__all__ = ["modelpact"]  # the fixture

pytestmark = pytest.mark.filterwarnings("ignore:.*type hints")

ROWS = numbers().read().inputs
PREDICTION = PickledModel(by="pickle").predict(ROWS)
SIGNATURE = infer(ROWS, PREDICTION)


class Lab:
    """A store with four registered models; changes of a test are reverted."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.canary = home / "canary"
        self.uris: dict[str, str] = {}
        self.run_id = ""
        self.touched: set[Path] = set()

    def fill(self) -> None:
        """Save the models, and register them."""
        line = SklearnModel(estimator=LinearRegression())
        line.fit(ROWS, PREDICTION)
        plain = self.home / "plain"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # MLflow would rather have type hints
            mlflow.pyfunc.save_model(
                str(plain), python_model=_plain(), pip_requirements=["numpy"], signature=SIGNATURE
            )
        with SqliteTracking().open(), mlflow.start_run() as run:
            self.run_id = run.info.run_id
            for name, model in (
                ("pickle", PickledModel(by="pickle")),
                ("joblib", PickledModel(by="joblib")),
            ):
                self._save(name, CustomSaver(path=name, pip_requirements=["numpy"]), model)
            self._save(
                "cloudpickle",
                CustomSaver(path="cloudpickle", pip_requirements=["numpy"]),
                MlflowModel(uri=str(plain)),
            )
            self._save(
                "sklearn", BuiltinSaver(path="sklearn", pip_requirements=["scikit-learn"]), line
            )
        shutil.copytree(self.home / "mlruns", self.home / "kept")

    def _save(self, name: str, saver: Saver, model: Any) -> None:
        info = saver.save(model, SIGNATURE, ROWS)
        tags = client().get_logged_model(info.model_id).tags
        digests = {key: tags[key] for key in (ARTIFACT_DIGEST, SIGNATURE_DIGEST)}
        client().create_registered_model(name)
        client().create_model_version(name, info.model_uri, tags=digests, model_id=info.model_id)
        client().set_registered_model_alias(name, "champion", "1")
        self.uris[name] = str(info.model_uri)

    def folder(self, name: str) -> Path:
        """Return the folder of a model, which is restored after the test."""
        folder = Path(client().get_model_version_download_uri(name, "1").removeprefix("file://"))
        self.touched.add(folder.parent)
        return folder

    def restore(self) -> None:
        """Restore all changed folders."""
        for home in self.touched:
            shutil.rmtree(home)
            shutil.copytree(self.home / "kept" / home.relative_to(self.home / "mlruns"), home)
        self.touched.clear()
        self.canary.unlink(missing_ok=True)


def _plain() -> Any:
    class Plain(mlflow.pyfunc.PythonModel):  # type: ignore[misc,name-defined]
        def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]
            return model_input.to_numpy().sum(axis=1) * 2.0

    return Plain()


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Lab:
    home = tmp_path_factory.mktemp("lab")
    with contextlib.chdir(home), pytest.MonkeyPatch.context() as patch:
        patch.setenv("MODELPACT_CACHE", str(cache))
        lab = Lab(home)
        lab.fill()
    return lab


@pytest.fixture
def closed(filled: Lab, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """The lab, to be changed; models are loaded with the code that is stored with them."""
    monkeypatch.chdir(filled.home)
    for module in ("pickled_model", "pickled_speedups"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    yield filled
    for module in ("pickled_model", "pickled_speedups"):
        sys.modules.pop(module, None)
    filled.restore()


@pytest.fixture
def lab(closed: Lab) -> Iterator[Lab]:
    """The same, with its store open."""
    with SqliteTracking().open():
        yield closed


class Payload:
    """Runs a line of Python where it is unpickled."""

    def __init__(self, line: str) -> None:
        self.line = line

    def __reduce__(self) -> tuple[Any, ...]:
        return exec, (self.line,)


def edit(folder: Path, **changes: Any) -> None:
    """Change keys of the flavor python_function in an MLmodel file, or remove keys with None."""
    content = yaml.safe_load((folder / "MLmodel").read_text())
    for key, value in changes.items():
        if value is None:
            del content[key]
        else:
            content["flavors"]["python_function"][key] = value
    (folder / "MLmodel").write_text(yaml.safe_dump(content))


def replace_in_size(path: Path, line: str) -> None:
    """Replace a file by a line of Python, with the same size and times."""
    status = path.stat()
    path.write_text(f"{line}\n".ljust(status.st_size, "#"))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert path.stat().st_size == status.st_size


def load_code_from_outside(folder: Path, line: str) -> None:
    """Let an MLmodel file refer to code outside the model."""
    home = folder.parent / "outside"
    home.mkdir()
    (home / "kept_outside.py").write_text(line)
    edit(folder, code="../outside", loader_module="kept_outside")


TAMPERINGS: dict[str, tuple[str, Callable[[Path, str], Any], str]] = {
    "pickle": (
        "pickle",
        lambda folder, line: (folder / "artifacts/state/learned.pickle").write_bytes(
            pickle.dumps(Payload(line))
        ),
        "artifacts/state/learned.pickle was changed",
    ),
    "cloudpickle": (
        "cloudpickle",
        lambda folder, line: (folder / "artifacts/state/model/python_model.pkl").write_bytes(
            cloudpickle.dumps(Payload(line))
        ),
        "artifacts/state/model/python_model.pkl was changed",
    ),
    "joblib": (
        "joblib",
        lambda folder, line: joblib.dump(Payload(line), folder / "artifacts/state/learned.joblib"),
        "artifacts/state/learned.joblib was changed",
    ),
    "models-from-code": (
        "pickle",
        lambda folder, line: (folder / "saved_model.py").write_text(
            line + "\n" + (folder / "saved_model.py").read_text()
        ),
        "saved_model.py was changed",
    ),
    "edited MLmodel": ("sklearn", load_code_from_outside, "MLmodel was changed"),
    "swapped file": (
        "joblib",
        lambda folder, line: replace_in_size(folder / "code/pickled_model.py", line),
        "code/pickled_model.py was changed",
    ),
    "deleted signature": (
        "sklearn",
        lambda folder, line: edit(folder, signature=None),
        "MLmodel was changed; its signature was removed",
    ),
    "added file": (
        "pickle",
        lambda folder, line: (folder / "code/pickled_speedups.py").write_text(line),
        "code/pickled_speedups.py was added",
    ),
}
"""By name: the model, the function that tampers with it, and the expected message."""

LOADERS = {
    "pickle": CustomLoader,
    "joblib": CustomLoader,
    "cloudpickle": CustomLoader,
    "sklearn": BuiltinLoader,
}


def canary_code(lab: Lab) -> str:
    """Return code that creates the canary."""
    return f"open({str(lab.canary)!r}, 'w').close()"


class TestEachTampering:
    @pytest.mark.parametrize("kind", TAMPERINGS)
    def test_is_rejected_before_any_code_runs(
        self, kind: str, lab: Lab, mocker: MockerFixture
    ) -> None:
        name, poison, expected = TAMPERINGS[kind]
        poison(lab.folder(name), canary_code(lab))
        loading = mocker.spy(mlflow.pyfunc, "load_model")
        for loader in (LOADERS[name](), BuiltinLoader()):
            for uri in (
                f"models:/{name}/1",
                f"models:/{name}@champion",
                lab.uris[name],
                f"runs:/{lab.run_id}/{name}",
            ):
                with pytest.raises(IntegrityError) as raised:
                    loader.load(uri)
                assert raised.value.message == f"{uri!r} is not as it was published: {expected}"
                assert "loader.integrity=off" in raised.value.remedy
        with pytest.raises(
            IntegrityError, match="MLmodel" if "MLmodel" in expected else expected
        ):  # by the manifest alone
            BuiltinLoader().load(str(lab.folder(name)))
        assert loading.call_count == 0
        assert not lab.canary.exists()

    @pytest.mark.parametrize("kind", TAMPERINGS)
    def test_runs_without_the_check(self, kind: str, lab: Lab) -> None:
        name, poison, _ = TAMPERINGS[kind]
        poison(lab.folder(name), canary_code(lab))
        with contextlib.suppress(Exception):  # the code has run; the model may be unusable
            LOADERS[name](integrity="off").load(f"models:/{name}/1").predict(ROWS)
        assert lab.canary.exists() == (kind != "deleted signature")

    @pytest.mark.parametrize("kind", TAMPERINGS)
    def test_intact_models_load(self, kind: str, lab: Lab) -> None:
        name = TAMPERINGS[kind][0]
        adapter = LOADERS[name]().load(f"models:/{name}/1")
        assert adapter.predict(ROWS).prediction == pytest.approx(PREDICTION)
        assert (
            adapter.artifact_digest == client().get_model_version(name, "1").tags[ARTIFACT_DIGEST]
        )
        assert adapter.folder == lab.folder(name)

    @pytest.mark.parametrize("kind", ["pickle", "deleted signature"])
    @pytest.mark.slow
    def test_is_rejected_on_the_command_line(
        self, kind: str, closed: Lab, modelpact: CommandRunner
    ) -> None:
        name, poison, expected = TAMPERINGS[kind]
        poison(closed.folder(name), canary_code(closed))
        Path("rows.csv").write_text("a,b\n1.5,2.0\n")
        asked = (f"task.uri=models:/{name}@champion", "data=csv", "data.path=rows.csv")
        ended = modelpact("task=predict", "task.out=answers.csv", "loader=builtin", *asked)
        assert ended.status == 1
        assert ended.err.startswith(
            f"error: 'models:/{name}/1' is not as it was published: {expected}\n"
        )
        assert not Path("answers.csv").exists()
        ended = modelpact("task=check", *asked)
        assert ended.status == (1 if kind == "deleted signature" else 0)
        assert ("its signature was removed" in ended.err) == (kind == "deleted signature")
        assert not closed.canary.exists()


def test_any_changed_byte_name_or_file_is_found(lab: Lab) -> None:
    folder, chance = lab.folder("sklearn"), random.Random(1)
    names = sorted(path.name for path in folder.iterdir())
    for number in range(40):
        path = folder / chance.choice(names)
        before = path.read_bytes()
        kind = ("byte", "removed", "renamed", "added")[number % 4]
        new = path.with_name(f"{path.name}.{number}")
        if kind == "byte":
            place = chance.randrange(len(before))
            path.write_bytes(
                before[:place]
                + bytes([before[place] ^ (1 << chance.randrange(8))])
                + before[place + 1 :]
            )
        elif kind == "removed":
            path.unlink()
        elif kind == "renamed":
            path.rename(new)
        else:
            new.write_bytes(before)
        with pytest.raises(IntegrityError):
            BuiltinLoader().load("models:/sklearn/1")
        new.unlink(missing_ok=True)
        path.write_bytes(before)
    assert BuiltinLoader().load("models:/sklearn/1").predict(ROWS).prediction == pytest.approx(
        PREDICTION
    )


class TestCompiledCode:
    def poison(self, lab: Lab) -> Path:
        """Write bytecode that Python loads instead of the source."""
        source = lab.folder("pickle") / "code" / "pickled_model.py"
        status = source.stat()
        code = compile(f"{source.read_text()}\n{canary_code(lab)}\n", str(source), "exec")
        compiled = Path(importlib.util.cache_from_source(str(source)))
        compiled.parent.mkdir()
        header = importlib.util.MAGIC_NUMBER + b"".join(
            number.to_bytes(4, "little")
            for number in (0, int(status.st_mtime) & 0xFFFFFFFF, status.st_size)
        )
        import marshal

        compiled.write_bytes(header + marshal.dumps(code))
        return compiled

    def test_written_by_python_is_accepted(self, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "dont_write_bytecode", False)
        mlflow.pyfunc.load_model(lab.uris["pickle"])
        assert list(lab.folder("pickle").rglob("*.pyc"))
        adapter = CustomLoader().load("models:/pickle/1")
        assert adapter.predict(ROWS).prediction == pytest.approx(PREDICTION)
        assert adapter.stored == lab.folder("pickle")

    def test_is_never_run(self, lab: Lab) -> None:
        self.poison(lab)
        adapter = CustomLoader().load("models:/pickle/1")
        assert adapter.predict(ROWS).prediction == pytest.approx(PREDICTION)
        assert not lab.canary.exists()
        assert not list(adapter.folder.rglob("*.pyc"))

    def test_runs_without_the_check(self, lab: Lab) -> None:
        self.poison(lab)
        CustomLoader(integrity="off").load("models:/pickle/1")
        assert lab.canary.exists()

    def test_the_copy_exists_as_long_as_the_model(self, lab: Lab) -> None:
        self.poison(lab)
        adapter = CustomLoader().load("models:/pickle/1")
        folder = adapter.folder
        assert folder != adapter.stored
        assert (folder / "MLmodel").exists()
        del adapter
        import gc

        gc.collect()
        assert not folder.exists()

    def test_outside_of_pycache_is_an_added_file(self, lab: Lab) -> None:
        self.poison(lab).rename(lab.folder("pickle") / "code" / "pickled_speedups.pyc")
        with pytest.raises(IntegrityError, match=r"code/pickled_speedups\.pyc was added"):
            CustomLoader().load("models:/pickle/1")


class TestChangesBetweenCheckAndLoad:
    def test_do_not_reach_the_model(self, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
        folder = lab.folder("pickle")
        (folder / "artifacts/state/learned.pickle").chmod(0o666)
        load = mlflow.pyfunc.load_model

        def poisoned(*arguments: Any, **options: Any) -> Any:
            TAMPERINGS["pickle"][1](folder, canary_code(lab))
            return load(*arguments, **options)

        monkeypatch.setattr(mlflow.pyfunc, "load_model", poisoned)
        adapter = CustomLoader().load("models:/pickle/1")
        assert adapter.predict(ROWS).prediction == pytest.approx(PREDICTION)
        assert not lab.canary.exists()
        assert (adapter.stored, adapter.folder == folder) == (folder, False)

    def test_a_folder_writable_by_others_is_copied(self, lab: Lab) -> None:
        folder = lab.folder("pickle")
        folder.parent.chmod(0o777)
        assert CustomLoader().load("models:/pickle/1").folder != folder
        folder.parent.chmod(0o1777)  # sticky, like /tmp: others cannot rename its entries
        assert CustomLoader().load("models:/pickle/1").folder == folder

    def test_changes_during_the_copy_are_rejected(
        self, lab: Lab, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder, copy = lab.folder("pickle"), Manifest.copy
        (folder / "MLmodel").chmod(0o666)

        def changing(manifest: Manifest, source: Path, target: Path) -> Path:
            (source / "saved_model.py").write_text(canary_code(lab))
            return copy(manifest, source, target)

        monkeypatch.setattr(Manifest, "copy", changing)
        with pytest.raises(IntegrityError, match=r"saved_model\.py was changed"):
            CustomLoader().load("models:/pickle/1")


class TestTags:
    """Digests in tags of models and versions."""

    def forged(self, lab: Lab) -> Path:
        """A model that was changed together with its manifest."""
        folder = lab.folder("pickle")
        TAMPERINGS["models-from-code"][1](folder, "import math")
        Manifest.from_folder(folder).write(folder)
        return folder

    def test_a_manifest_changed_with_the_files_is_rejected(self, lab: Lab) -> None:
        folder = self.forged(lab)
        for uri in (
            "models:/pickle/1",
            "models:/pickle@champion",
            "models:/pickle/latest",
            lab.uris["pickle"],
        ):
            with pytest.raises(
                IntegrityError, match=f"not as it was published: {MANIFEST} was changed"
            ):
                CustomLoader().load(uri)
        with pytest.raises(IntegrityError, match=f"{MANIFEST} was changed"):
            CustomLoader().load(str(folder))
        # No database knows a copy.
        copy = shutil.copytree(folder, lab.home / "copy")
        assert CustomLoader().load(str(copy)).predict(ROWS)

    def test_a_malformed_manifest_is_rejected(self, lab: Lab) -> None:
        folder = lab.folder("pickle")
        (folder / MANIFEST).write_text("{")
        with pytest.raises(IntegrityError, match=f"{MANIFEST} was changed"):
            CustomLoader().load("models:/pickle/1")
        copy = shutil.copytree(folder, lab.home / "malformed")
        with pytest.raises(IntegrityError, match=f"{MANIFEST} is invalid: it is not JSON"):
            CustomLoader().load(str(copy))

    def test_a_removed_manifest_is_rejected(self, lab: Lab) -> None:
        (lab.folder("pickle") / MANIFEST).unlink()
        for uri in ("models:/pickle/1", lab.uris["pickle"], f"runs:/{lab.run_id}/pickle"):
            with pytest.raises(IntegrityError, match=f"{MANIFEST} was removed"):
                CustomLoader().load(uri)

    def test_another_signature_digest_is_rejected(self, lab: Lab) -> None:
        client().set_model_version_tag("pickle", "1", SIGNATURE_DIGEST, "0" * 64)
        try:
            with pytest.raises(IntegrityError, match="published: its signature was changed"):
                CustomLoader().load("models:/pickle/1")
            assert CustomLoader().load(lab.uris["pickle"])
        finally:
            expected = (
                client()
                .get_logged_model(lab.uris["pickle"].removeprefix("models:/"))
                .tags[SIGNATURE_DIGEST]
            )
            client().set_model_version_tag("pickle", "1", SIGNATURE_DIGEST, expected)

    def test_a_version_of_plain_mlflow_has_the_tags_of_its_model(self, lab: Lab) -> None:
        version = client().create_model_version("pickle", lab.uris["pickle"])
        uri = f"models:/pickle/{version.version}"
        assert CustomLoader().load(uri).predict(ROWS).prediction == pytest.approx(PREDICTION)
        self.forged(lab)
        with pytest.raises(IntegrityError, match=f"{MANIFEST} was changed"):
            CustomLoader().load(uri)

    def test_a_removed_tag_is_reported(self, lab: Lab) -> None:
        expected = {
            SIGNATURE_DIGEST: client().get_model_version("pickle", "1").tags[SIGNATURE_DIGEST]
        }
        result = verify_files(lab.folder("pickle"), expected)
        assert [problem.text for problem in result.problems] == [
            f"its tag {ARTIFACT_DIGEST} was removed"
        ]

    def test_files_without_tags_are_compared_with_their_manifest(self, lab: Lab) -> None:
        folder = lab.folder("pickle")
        for expected in ({}, {"team": "lab"}):
            assert not verify_files(folder, expected).problems
            assert not verify_files(folder, expected).attested
        (folder / "saved_model.py").unlink()
        assert [problem.code for problem in verify_files(folder, {}).problems] == ["FILES_CHANGED"]

    def test_other_uris_have_no_tags(self, lab: Lab) -> None:
        for uri in (f"runs:/{lab.run_id}/nothing", "models:/pickle/1/code", "/some/folder"):
            assert find_published(uri).tags == {}
            assert find_published(uri).files == uri

    def test_an_mlmodel_file_with_any_content(self, lab: Lab) -> None:
        folder = lab.folder("pickle")
        expected = {SIGNATURE_DIGEST: "0" * 64}
        (folder / MANIFEST).unlink()
        for content in (
            "[",
            "[]",
            "signature: {inputs: x}",
            "!!python/object/apply:os.system [true]",
            "\x00",
        ):
            (folder / "MLmodel").write_text(content)
            assert [
                problem.text.partition(":")[0]
                for problem in verify_files(folder, expected).problems
            ] == ["its signature cannot be read"], content
        (folder / "MLmodel").unlink()
        os.mkfifo(folder / "MLmodel")
        assert verify_files(folder, expected).problems[0].code == "SIGNATURE_CHANGED"

    def test_an_mlmodel_file_is_not_read_in_part(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # MLflow would read the second signature
        (tmp_path / "MLmodel").write_text("signature:\n# more\nsignature: {inputs: x}\n")
        size = (tmp_path / "MLmodel").stat().st_size
        expected = {SIGNATURE_DIGEST: "0" * 64}
        for limit in (size, size - 1, 11):
            monkeypatch.setattr(integrity, "_MAX_MLMODEL_SIZE", limit)
            (problem,) = verify_files(tmp_path, expected).problems
            assert problem.text == "its signature cannot be read: " + (
                "JSONDecodeError" if limit == size else "ValueError"
            )


@pytest.mark.parametrize(("n_files", "more"), [(10, ""), (11, ", and 1 more")])
def test_at_most_ten_files_are_listed(n_files: int, more: str, tmp_path: Path) -> None:
    (tmp_path / "MLmodel").touch()
    Manifest.from_folder(tmp_path).write(tmp_path)
    names = [f"{number:02}.txt" for number in range(n_files)]
    for name in names:
        (tmp_path / name).touch()
    (problem,) = verify_files(tmp_path, {}).problems
    listed = ", ".join(f"{name} was added" for name in names[:10])
    assert (problem.code, problem.text) == ("FILES_CHANGED", listed + more)


def test_rejected_downloads_are_removed(lab: Lab, mocker: MockerFixture) -> None:
    folder, made = lab.folder("pickle"), []
    (folder / "note.txt").touch()

    def download(uri: str, make_folder: Callable[[], Path]) -> Path:
        made.append(make_folder())
        return Path(shutil.copytree(folder, made[0] / "model"))

    mocker.patch("modelpact.security.integrity.mlflow_compat.download_model", download)
    with pytest.raises(IntegrityError, match=r"note\.txt was added\nRestore"):
        CustomLoader().load("models:/pickle/1")
    assert not made[0].exists()


def test_long_lists_of_files_are_truncated(lab: Lab) -> None:
    for number in range(25):
        (lab.folder("pickle") / f"extra{number:02}").touch()
    with pytest.raises(IntegrityError, match=r"extra09 was added, and 15 more\n") as raised:
        CustomLoader().load("models:/pickle/1")
    assert len(raised.value.added) == 25
    assert raised.value.changed == raised.value.missing == raised.value.special == ()


class TestIntegrityOption:
    def test_warn_logs_the_error(self, lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
        (lab.folder("pickle") / "note.txt").touch()
        adapter = CustomLoader(integrity="warn").load("models:/pickle/1")
        assert adapter.predict(ROWS).prediction == pytest.approx(PREDICTION)
        assert adapter.artifact_digest is None
        told = [
            record for record in caplog.records if record.name == "modelpact.security.integrity"
        ]
        assert [record.levelname for record in told] == ["WARNING"]
        assert (
            "'models:/pickle/1' is not as it was published: note.txt was added\n"
            in told[0].getMessage()
        )

    def test_off_checks_nothing(self, lab: Lab, mocker: MockerFixture) -> None:
        for name in ("verify_files", "find_published"):
            mocker.patch.object(integrity, name, side_effect=AssertionError)
        adapter = CustomLoader(integrity="off").load("models:/pickle/1")
        assert adapter.artifact_digest is None

    def test_a_model_of_plain_mlflow_is_loaded_with_a_warning(
        self, lab: Lab, caplog: pytest.LogCaptureFixture
    ) -> None:
        assert BuiltinLoader().load(str(lab.home / "plain")).predict(
            ROWS
        ).prediction == pytest.approx(PREDICTION)
        told = [
            record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING
        ]
        assert told == [
            f"{lab.home / 'plain'} has no manifest, so its files cannot be verified, and loading "
            "them can run code (cloudpickle)"
        ]

    def test_other_processes_accept_only_the_verified_files(self, lab: Lab) -> None:
        adapter = CustomLoader().load("models:/pickle/1")
        loader = pickle.loads(
            pickle.dumps(CustomLoader(policy="strict").pinned_to(adapter.artifact_digest))
        )
        assert loader.policy == "strict"
        assert loader.load(str(adapter.stored)).predict(ROWS).prediction == pytest.approx(
            PREDICTION
        )
        TestTags().forged(lab)
        with pytest.raises(IntegrityError, match=f"{MANIFEST} was changed"):
            loader.load(str(adapter.stored))
        assert CustomLoader().pinned_to(None) == CustomLoader()

    def test_integrity_is_not_part_of_the_identity(self) -> None:
        assert CustomLoader(integrity="off").identity() == CustomLoader().identity()
        assert type(MlflowModel(uri="x", integrity="off")).identity is MlflowModel.identity


class TestMlflowModel:
    """model=mlflow."""

    def test_tampered_files_are_rejected(self, lab: Lab) -> None:
        TAMPERINGS["pickle"][1](lab.folder("pickle"), canary_code(lab))
        with pytest.raises(IntegrityError, match=r"model\.integrity=off"):
            MlflowModel(uri="models:/pickle/1").predict(ROWS)
        assert not lab.canary.exists()
        with contextlib.suppress(TypeError):  # the fitted state is gone
            MlflowModel(uri="models:/pickle/1", integrity="off").predict(ROWS)
        assert lab.canary.exists()

    def test_bytecode_is_not_copied(self, lab: Lab, tmp_path: Path) -> None:
        TestCompiledCode().poison(lab)
        model = MlflowModel(uri="models:/pickle/1")
        assert model.predict(ROWS) == pytest.approx(PREDICTION)
        model.dump(tmp_path)
        assert (tmp_path / "model" / MANIFEST).is_file()
        assert not list(tmp_path.rglob("__pycache__"))


def test_saved_models_are_tagged(lab: Lab) -> None:
    for name, uri in lab.uris.items():
        tags = client().get_logged_model(uri.removeprefix("models:/")).tags
        content = Manifest.read_content(lab.folder(name))
        assert content is not None
        manifest = Manifest.parse(content)
        assert tags[ARTIFACT_DIGEST] == manifest.digest
        assert len(tags[SIGNATURE_DIGEST]) == 64
        assert {"MLmodel", "input_example.json", "requirements.txt"} <= set(manifest.files)


def test_threads_can_load_concurrently(lab: Lab) -> None:
    (lab.folder("sklearn") / "MLmodel").chmod(0o666)
    found: list[Any] = []
    threads = [
        threading.Thread(
            target=lambda: found.append(
                BuiltinLoader().load(lab.uris["sklearn"]).predict(ROWS).prediction
            )
        )
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [np.allclose(answers, PREDICTION) for answers in found] == [True] * 3


def test_the_manifest_is_plain_json(lab: Lab) -> None:
    content = json.loads((lab.folder("sklearn") / MANIFEST).read_text())
    assert content["format"] == 1
    assert "model.skops" in content["files"]
