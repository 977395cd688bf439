"""Models without a manifest are refused at every door, before any of their code runs."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import pickle
import shutil
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cloudpickle
import joblib
import mlflow
import pytest
from sklearn.linear_model import LinearRegression

from modelpact.errors import IntegrityError
from modelpact.loaders import BuiltinLoader
from modelpact.models import MlflowModel
from modelpact.security.integrity import IntegrityPolicy
from modelpact.security.manifest import ARTIFACT_DIGEST, MANIFEST
from modelpact.security.pickle_globals import find_dangerous_globals
from modelpact.tracking import SqliteTracking
from tests.security.test_integrity import (
    TAMPERINGS,
    Lab,
    canary_code,
    closed,
    filled,
    lab,
)
from tests.support.commands import CommandRunner, modelpact
from tests.support.publishing import client

__all__ = ["closed", "filled", "lab", "modelpact"]  # the fixtures

pytestmark = pytest.mark.filterwarnings("ignore:.*type hints")


@dataclass(frozen=True)
class Unvouched:
    """A poisoned model that was registered without a manifest."""

    version: str
    folder: Path
    run: str

    def uri(self, door: str) -> str:
        """Return the URI of the model for a door."""
        forms = {"folder": str(self.folder), "file://": self.folder.as_uri(), "runs:/": self.run}
        return forms.get(door, self.version)


def register_poisoned(lab: Lab, kind: str, name: str) -> Unvouched:
    """Log a poisoned copy without its manifest as plain MLflow does, and register it."""
    source, poison, _ = TAMPERINGS[kind]
    copy = shutil.copytree(lab.folder(source), lab.home / f"{kind}-{name}" / "model")
    poison(copy, canary_code(lab))
    (copy / MANIFEST).unlink()
    path = f"poisoned-{len(client().search_model_versions())}"
    experiment = client().get_run(lab.run_id).info.experiment_id
    logged = client().create_logged_model(experiment, name=path, source_run_id=lab.run_id)
    client().log_model_artifacts(logged.model_id, str(copy))
    client().finalize_logged_model(logged.model_id, "READY")
    version = client().create_model_version(
        name, f"models:/{logged.model_id}", model_id=logged.model_id
    )
    folder = Path(client().get_model_version_download_uri(name, version.version))
    shutil.rmtree(copy.parent)
    return Unvouched(f"models:/{name}/{version.version}", folder, f"runs:/{lab.run_id}/{path}")


DATA = ("data=csv", "data.path=rows.csv")
DOORS = {
    "predict": ("task=predict", "task.out=answers.csv"),
    "serve": ("task=serve", "task.port=0"),
    "parity": ("task=parity",),
    "resign": ("task=resign", "signer=infer", "data.target=null", "name=resigned"),
    "model=mlflow": ("model=mlflow", "name=again", "data.target=null"),
    "folder": ("task=predict", "task.out=answers.csv"),
    "file://": ("task=predict", "task.out=answers.csv"),
    "runs:/": ("task=predict", "task.out=answers.csv"),
}


def knock(
    modelpact: CommandRunner, door: str, model: Unvouched, integrity: IntegrityPolicy
) -> tuple[int, str]:
    """Run the command of a door; return the exit status and its error."""
    uri = model.uri(door)
    key = {"resign": "task.integrity", "model=mlflow": "model.integrity"}.get(
        door, "loader.integrity"
    )
    target = "model.uri" if door == "model=mlflow" else "task.uri"
    data = () if door in {"serve", "parity"} else DATA
    ended = modelpact(*DOORS[door], f"{target}={uri}", f"{key}={integrity}", *data)
    return ended.status, ended.err


@pytest.mark.slow
def test_poisoned_models_are_refused_at_every_door(lab: Lab, modelpact: CommandRunner) -> None:
    Path("rows.csv").write_text("a,b\n1.5,2.0\n")
    client().create_registered_model("plain")
    count: Counter[str] = Counter()
    for kind in TAMPERINGS:
        source = TAMPERINGS[kind][0]
        beside = register_poisoned(lab, kind, source)
        alone = register_poisoned(lab, kind, "plain")
        for door in DOORS:
            for integrity, model in (("require", alone), ("strict", beside)):
                for module in ("pickled_model", "pickled_speedups", "kept_outside"):
                    sys.modules.pop(module, None)
                status, error = knock(modelpact, door, model, integrity)  # type: ignore[arg-type]
                assert status == 1, (kind, door, integrity, error)
                assert "it has no manifest" in error, (kind, door, integrity, error)
                assert not lab.canary.exists(), (kind, door, integrity)
                count[integrity] += 1
    sys.stdout.write(f"poisoned models refused: {dict(count)}\n")
    assert count == {"require": 64, "strict": 64}
    assert {model.name for model in client().search_registered_models()}.isdisjoint(
        {"resigned", "again"}
    )


@pytest.fixture
def unvouched(lab: Lab) -> Iterator[Unvouched]:
    model = register_poisoned(lab, "models-from-code", "pickle")
    yield model
    client().delete_model_version("pickle", model.version.rpartition("/")[2])


@pytest.mark.parametrize("door", ["version", "folder", "file://", "runs:/"])
@pytest.mark.parametrize("integrity", ["require", "strict"])
def test_every_uri_is_refused(
    door: str, integrity: IntegrityPolicy, unvouched: Unvouched, lab: Lab
) -> None:
    uri = unvouched.uri(door)
    with pytest.raises(IntegrityError, match="it has no manifest") as raised:
        BuiltinLoader(integrity=integrity).load(uri)
    assert f"task=vouch task.uri={uri} task.why=..." in raised.value.remedy
    assert [problem.code for problem in raised.value.problems] == ["NO_MANIFEST"]
    with pytest.raises(IntegrityError, match="it has no manifest"):
        MlflowModel(uri=uri, integrity=integrity).predict([])
    assert not lab.canary.exists()


@pytest.mark.parametrize("integrity", ["warn", "off"])
def test_other_levels_load_it(
    integrity: IntegrityPolicy,
    unvouched: Unvouched,
    lab: Lab,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with contextlib.suppress(Exception):
        BuiltinLoader(integrity=integrity).load(unvouched.version)
    assert lab.canary.exists()
    assert ("loading them can run code" in caplog.text) == (integrity == "warn")


def test_a_name_that_only_plain_mlflow_has_used_loads_with_a_warning(
    lab: Lab, caplog: pytest.LogCaptureFixture
) -> None:
    client().create_registered_model("legacy")
    model = register_poisoned(lab, "added file", "legacy")
    BuiltinLoader().load(model.version)
    assert caplog.messages == [
        f"{model.version} has no manifest, so its files cannot be verified, and loading them can "
        "run code (cloudpickle, code)"
    ]


def test_a_manifest_that_no_tag_attests_is_refused(lab: Lab) -> None:
    copy = shutil.copytree(lab.folder("sklearn"), lab.home / "copied" / "model")
    assert BuiltinLoader(integrity="require").load(str(copy))
    version = client().create_model_version("sklearn", str(copy))
    uri = f"models:/sklearn/{version.version}"
    for integrity, reason in (
        ("strict", "no tag has the digest of its manifest, beside published versions of 'sklearn'"),
        ("require", "no tag has the digest of its manifest"),
    ):
        with pytest.raises(IntegrityError) as raised:
            BuiltinLoader(integrity=integrity).load(uri)  # type: ignore[arg-type]
        assert raised.value.message == f"{uri!r} cannot be verified: {reason}"
    client().delete_model_version("sklearn", version.version)


class TestVouch:
    """`task=vouch`."""

    def test_a_model_that_someone_vouches_for_loads(
        self, unvouched: Unvouched, lab: Lab, modelpact: CommandRunner
    ) -> None:
        asked = ("task=vouch", f"task.uri={unvouched.version}")
        assert modelpact(*asked, "task.why=' '").status == 2
        ended = modelpact(*asked, "task.why='read, line by line'")
        assert ended.status == 0, ended.err
        assert ended.out.startswith(
            "formats: cloudpickle, code, json; loading cloudpickle, code can run code\n"
        )
        number = unvouched.version.rpartition("/")[2]
        tags = client().get_model_version("pickle", number).tags
        record = json.loads(tags["modelpact.vouched"])
        assert record["why"] == "read, line by line"
        assert record["by"]
        with SqliteTracking().open():
            loaded = BuiltinLoader(integrity="require").load(unvouched.version)
        assert loaded.artifact_digest == tags[ARTIFACT_DIGEST]
        again = modelpact(*asked, "task.why=again")
        assert again.status == 1
        assert "was published: it has a manifest" in again.err

    def test_changed_files_are_refused(self, lab: Lab, modelpact: CommandRunner) -> None:
        (lab.folder("pickle") / MANIFEST).unlink()
        ended = modelpact("task=vouch", "task.uri=models:/pickle/1", "task.why=x")
        assert ended.status == 1
        assert f"was published: {MANIFEST} was removed" in ended.err

    def test_a_folder_gets_a_checksum_only(
        self, lab: Lab, modelpact: CommandRunner, tmp_path: Path
    ) -> None:
        copy = shutil.copytree(lab.home / "plain", tmp_path / "model")
        ended = modelpact("task=vouch", f"task.uri={copy}", "task.why=x")
        assert ended.out.endswith("no store has its digest\n")
        assert BuiltinLoader(integrity="require").load(str(copy))

    def test_a_folder_without_a_model(self, lab: Lab, modelpact: CommandRunner) -> None:
        Path("empty").mkdir(exist_ok=True)
        ended = modelpact("task=vouch", "task.uri=empty", "task.why=x")
        assert ended.status == 1
        assert "it has no MLmodel file" in ended.err


@pytest.mark.parametrize("kind", ["pickle", "cloudpickle", "joblib"])
def test_dangerous_globals_are_named(kind: str, lab: Lab) -> None:
    name, poison, _ = TAMPERINGS[kind]
    folder = lab.folder(name)
    assert find_dangerous_globals(folder) == {}
    poison(folder, canary_code(lab))
    assert list(find_dangerous_globals(folder).values()) == [["builtins.exec"]]


class _Call:
    """Pickles as a call of a function."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize(
    ("function", "name"),
    [(os.system, "posix.system"), (eval, "builtins.eval"), (subprocess.Popen, "subprocess.Popen")],
)
def test_globals_of_every_protocol(protocol: int, function: Any, name: str, tmp_path: Path) -> None:
    content = pickle.dumps([_Call(function, "true"), _Call(function, "false"), 1.5], protocol)
    (tmp_path / "state.bin").write_bytes(content)
    (tmp_path / "cut.bin").write_bytes(content[:-20])
    with zipfile.ZipFile(tmp_path / "model.pt", "w") as archive:
        archive.writestr("archive/data.pkl", content)
    (tmp_path / "packed.gz").write_bytes(gzip.compress(content))
    found = find_dangerous_globals(tmp_path)
    # Up to protocol 2, names are those of Python 2.
    known = ["commands.Popen" if protocol < 3 and "Popen" in name else name]
    assert found["state.bin"] == found["model.pt"] == found["packed.gz"] == known
    # A pickle of protocol 0 or 1 is recognized by its end.
    assert found.get("cut.bin") == (known if protocol > 1 else None)


@pytest.mark.parametrize(
    "name",
    [
        "pip.main",
        "pydoc.pipepager",
        "idlelib.pyshell.ModifiedInterpreter.runcommand",
        "lib2to3.pgen2.grammar.Grammar.loadPickle",
        "doctest.debug_script",
        "ensurepip._run_pip",
        "cProfile.runctx",
        "timeit.timeit",
        "asyncio.unix_events._UnixSubprocessTransport._start",
        "torch.utils._config_module.load_config",
        "uuid._get_command_stdout",
    ],
)
def test_calls_of_public_advisories(name: str, tmp_path: Path) -> None:
    module, _, function = name.partition(".")
    while function.count("."):
        part, _, function = function.partition(".")
        module = f"{module}.{part}"
    content = b"c" + f"{module}\n{function}\n(S'x'\ntR.".encode()
    (tmp_path / "model.pkl").write_bytes(content)
    assert find_dangerous_globals(tmp_path) == {"model.pkl": [name]}


def test_ordinary_pickles_import_nothing_dangerous(tmp_path: Path) -> None:
    model = LinearRegression().fit([[1.0], [2.0]], [1.0, 2.0])
    (tmp_path / "a.pkl").write_bytes(pickle.dumps({"model": model, "path": Path("x")}))
    (tmp_path / "b.pkl").write_bytes(cloudpickle.dumps(lambda x: x + 1))
    joblib.dump(model, tmp_path / "c.joblib", compress=3)
    (tmp_path / "d.txt").write_text("cos\nsystem\n")
    assert find_dangerous_globals(tmp_path) == {}


def test_copies_of_a_version_have_the_tags_of_their_source(lab: Lab) -> None:
    number = client().copy_model_version("models:/sklearn/1", "production").version
    again = mlflow.register_model(f"models:/production/{number}", "mirror").version
    for uri in (f"models:/production/{number}", f"models:/mirror/{again}"):
        assert BuiltinLoader(integrity="require").load(uri)
    (lab.folder("sklearn") / MANIFEST).unlink()
    with pytest.raises(IntegrityError, match=f"{MANIFEST} was removed"):
        BuiltinLoader().load(f"models:/mirror/{again}")
