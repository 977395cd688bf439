from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from pytest_mock import MockerFixture

from hinted_models import Objects
from modelpact import publish
from modelpact.cli.tasks import ResignTask
from modelpact.data import DataSource, InlineData
from modelpact.errors import (
    ConfigError,
    IntegrityError,
    LoadError,
    PredictError,
    RegisterError,
    SignError,
    VerifyError,
)
from modelpact.loaders import BuiltinLoader
from modelpact.models import SklearnModel
from modelpact.registers import MlflowRegister, NoneRegister
from modelpact.savers import BuiltinSaver, CustomSaver
from modelpact.signature import parse
from modelpact.signers import ExplicitSigner, InferSigner, TypeHintSigner
from modelpact.tracking import SqliteTracking
from modelpact.types import Sample
from modelpact.verifiers import CleanVerifier, ReplayVerifier
from tests.support.commands import CommandRunner, modelpact
from tests.support.many_cases import sample_params
from tests.support.publishing import client, numbers, receipt, saved_statuses, steps, versions
from tiny_models import Scaled

__all__ = ["modelpact"]  # the fixture

LOOSE = ExplicitSigner(inputs={"a": "double", "b?": "double"}, outputs="float64[-1]")


class Given(DataSource):
    """Returns the given sample."""

    inputs: Any

    def read(self) -> Sample:
        return Sample(self.inputs, None, self.params)


def task(uri: str = "models:/sums/1", **changes: Any) -> ResignTask:
    plain = {
        "data": numbers(),
        "signer": LOOSE,
        "verifier": ReplayVerifier(),
        "tracking": SqliteTracking(),
        "name": None,
    }
    return ResignTask(**{**plain, "register": MlflowRegister(), "uri": uri, **changes})


def files() -> dict[str, str]:
    """Return the digest of every stored file."""
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in Path("mlruns").rglob("*")
        if path.is_file()
    }


def folder_of(version: int, name: str = "sums") -> Path:
    """Return the folder of a version's files."""
    return Path(client().get_model_version_download_uri(name, str(version)).removeprefix("file://"))


def signature_of(version: int, name: str = "sums") -> Any:
    return mlflow.models.Model.load(str(folder_of(version, name))).signature


@pytest.fixture
def published() -> str:
    """Publish version 1 of `sums`; return the URI of its logged model."""
    return str(publish(**steps(register=MlflowRegister(aliases=["champion"]))).model_uri)


@pytest.mark.slow
def test_a_model_with_type_hints_still_validates_them(tmp_path: Path) -> None:
    rows = [{"w": 2.0}]
    hinted = steps(
        model=Objects(),
        data=InlineData(inputs=rows, form="records", test_size=0),
        signer=TypeHintSigner(),
        saver=CustomSaver(pip_requirements=["pydantic"]),
    )
    publish(**hinted)
    outputs = [{"w": "double", "area?": "double"}]
    changed = ExplicitSigner(inputs=[{"w": "double"}], outputs=outputs)
    task(signer=changed, data=hinted["data"]).run(tmp_path / "out")
    with SqliteTracking().open():
        loaded = mlflow.pyfunc.load_model("models:/sums/2")
    assert loaded.predict(rows) == [{"w": 2.0, "area": 4.0}]


class TestNewVersion:
    def test_only_the_new_version_has_the_new_signature(
        self, published: str, tmp_path: Path
    ) -> None:
        before, old = files(), dict(client().get_model_version("sums", "1"))
        names = sorted(folder_of(1).rglob("*"))
        task().run(tmp_path / "out")
        assert sorted(folder_of(1).rglob("*")) == names
        assert versions("sums") == [1, 2]
        assert {path: digest for path, digest in files().items() if path in before} == before
        assert dict(client().get_model_version("sums", "1")) == old
        assert signature_of(1) == parse(
            {"inputs": {"a": "double", "b": "double"}, "outputs": "float64[-1]"}
        )
        assert signature_of(2) == parse(
            {"inputs": {"a": "double", "b?": "double"}, "outputs": "float64[-1]"}
        )
        assert client().get_model_version("sums", "2").source != published

    @pytest.mark.usefixtures("published")
    def test_tags_and_receipt_name_the_old_version(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        task("models:/sums@champion").run(tmp_path / "out")
        tags, written = client().get_model_version("sums", "2").tags, receipt(tmp_path / "out")
        assert tags["modelpact.resigned_from"] == "models:/sums/1"
        assert tags["modelpact.signature_digest"] == written["signature_digest"]
        assert tags["modelpact.job_key"] == written["job_key"]
        assert (written["status"], written["name"], written["version"]) == ("ok", "sums", "2")
        assert written["steps"]["signer"] == "ExplicitSigner"
        assert all(check["ok"] for check in written["checks"])
        assert "registered sums version 2" in capsys.readouterr().out

    @pytest.mark.usefixtures("published")
    @pytest.mark.slow
    def test_metadata(self, tmp_path: Path) -> None:
        task().run(tmp_path)
        version = client().get_model_version("sums", "2")
        text = (folder_of(2) / "MLmodel").read_text()
        stored = mlflow.models.Model.load(str(folder_of(2)))
        assert version.source == f"models:/{stored.model_id}"
        assert stored.model_uuid == stored.model_id
        assert stored.run_id == version.run_id == receipt(tmp_path)["run_id"]
        assert str(Path.cwd()) not in text
        assert "/tmp" not in text
        assert saved_statuses() == ["READY", "READY"]

    @pytest.mark.usefixtures("published")
    @pytest.mark.slow
    def test_the_input_example_is_new(self, tmp_path: Path) -> None:
        rows = pd.DataFrame({"a": [100.5, 2.0], "b": [1.0, 2.0]})
        task(data=Given(inputs=rows)).run(tmp_path)
        assert "100.5" in (folder_of(2) / "input_example.json").read_text()
        assert "100.5" in (folder_of(2) / "serving_input_example.json").read_text()
        assert "100.5" not in (folder_of(1) / "serving_input_example.json").read_text()

    @pytest.mark.slow
    @pytest.mark.usefixtures("published")
    def test_predicts_in_a_clean_process(self, tmp_path: Path) -> None:
        task(verifier=CleanVerifier()).run(tmp_path)
        assert {check["code"] for check in receipt(tmp_path)["checks"] if check["ok"]} >= {
            "SELF_CONTAINED",
            "PREDICTIONS_EQUAL",
        }

    @pytest.mark.usefixtures("published")
    @pytest.mark.slow
    def test_a_resigned_model_can_be_resigned(self, tmp_path: Path) -> None:
        task().run(tmp_path)
        task("models:/sums/2", signer=InferSigner()).run(tmp_path)
        assert (
            client().get_model_version("sums", "3").tags["modelpact.resigned_from"]
            == "models:/sums/2"
        )
        assert signature_of(3) == signature_of(1)

    @pytest.mark.usefixtures("published")
    @pytest.mark.slow
    def test_the_same_job_is_reused_on_request(self, tmp_path: Path) -> None:
        task().run(tmp_path)
        task("models:/sums@champion", register=MlflowRegister(if_exists="reuse")).run(tmp_path)
        assert versions("sums") == [1, 2]
        assert receipt(tmp_path)["reused"]
        with pytest.raises(RegisterError, match="this job is already version"):
            task(register=MlflowRegister(if_exists="error")).run(tmp_path)
        task(signer=InferSigner(), register=MlflowRegister(if_exists="reuse")).run(tmp_path)
        assert versions("sums") == [1, 2, 3]

    @pytest.mark.usefixtures("published")
    @pytest.mark.slow
    def test_another_name_and_no_registration(self, tmp_path: Path) -> None:
        task(name="others").run(tmp_path)
        assert (versions("sums"), versions("others")) == ([1], [1])
        task(register=NoneRegister()).run(tmp_path)
        assert versions() == [1, 1]

    @pytest.mark.slow
    def test_a_model_that_is_not_registered(self, published: str, tmp_path: Path) -> None:
        task(published, name="more").run(tmp_path)
        task(str(folder_of(1)), name="most").run(tmp_path)
        assert (versions("more"), versions("most")) == ([1], [1])
        assert client().get_model_version("more", "1").tags["modelpact.resigned_from"] == published

    @pytest.mark.slow
    def test_params(self, tmp_path: Path) -> None:
        publish(**steps(data=numbers(params={"scale": 2.0}), model=Scaled()))
        task(data=numbers(params={"scale": 3.0}), signer=InferSigner()).run(tmp_path)
        assert signature_of(2).params.params[0].default == 3.0

    @pytest.mark.slow
    def test_a_flavor_of_mlflow(self, tmp_path: Path) -> None:
        from sklearn.linear_model import Ridge

        saver = BuiltinSaver(pip_requirements=["scikit-learn"])
        publish(**steps(model=SklearnModel(estimator=Ridge()), saver=saver, loader=BuiltinLoader()))
        task(
            data=Given(inputs=pd.DataFrame({"a": [1, 2], "b": [3, 4]})),
            signer=InferSigner(integers_as="double"),
        ).run(tmp_path)
        assert set(mlflow.models.Model.load(str(folder_of(2))).flavors) == {
            "python_function",
            "sklearn",
        }

    def test_the_old_signature_is_not_enforced(self, tmp_path: Path) -> None:
        integers = [{"a": row, "b": row} for row in range(8)]
        publish(**steps(data=numbers(inputs=integers)))
        task(data=numbers(), signer=InferSigner()).run(
            tmp_path
        )  # fractions, which the old signature rejects
        assert signature_of(2) == parse(
            {"inputs": {"a": "double", "b": "double"}, "outputs": "float64[-1]"}
        )


@pytest.fixture
def unsigned() -> None:
    """Register version 1 of `plain`, saved without signature and example."""
    from sklearn.linear_model import LinearRegression

    frame = pd.DataFrame({"a": [1.0, 2.0, 4.0], "b": [0.0, 1.0, 1.0]})
    with SqliteTracking().open():
        fitted = LinearRegression().fit(frame, np.array([1.0, 2.0, 3.0]))
        kept = {"pip_requirements": ["scikit-learn"], "serialization_format": "skops"}
        mlflow.sklearn.log_model(fitted, name="model", registered_model_name="plain", **kept)


@pytest.mark.usefixtures("unsigned")
def test_a_model_without_any_signature(tmp_path: Path) -> None:
    before = files()
    task("models:/plain/1", signer=InferSigner()).run(tmp_path)
    assert signature_of(2, "plain") == parse(
        {"inputs": {"a": "double", "b": "double"}, "outputs": "float64[-1]"}
    )
    assert signature_of(1, "plain") is None
    assert {path: digest for path, digest in files().items() if path in before} == before


ERRORS: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "an unknown model": ({"uri": "models:/sms/1"}, LoadError, "did you mean 'sums'"),
    "an unknown version": ({"uri": "models:/sums/7"}, LoadError, "Versions: 1"),
    "an unknown alias": ({"uri": "models:/sums@nobody"}, LoadError, "aliases: champion"),
    "an unknown id": (
        {"uri": "models:/m-0123456789abcdef0123456789abcdef", "name": "x"},
        LoadError,
        "cannot find",
    ),
    "an unknown run": (
        {"uri": "runs:/0123456789abcdef/model", "name": "x"},
        LoadError,
        "cannot read",
    ),
    "no model at all": (
        {"uri": "nowhere", "name": "x"},
        LoadError,
        "neither a model URI nor a folder",
    ),
    "no registered model": ({"uri": "runs:/0123456789abcdef/model"}, ConfigError, "name=..."),
    "a name that cannot be": ({"name": "a/b"}, ConfigError, "is not a valid name"),
    "data it was not made for": (
        {"data": Given(inputs=[["x"], ["y"]]), "signer": InferSigner()},
        PredictError,
        "could not convert",
    ),
    "a signature that refuses the data": (
        {"signer": ExplicitSigner(inputs={"z": "long"})},
        SignError,
        "violates its signature",
    ),
    "no written signature": ({"signer": ExplicitSigner()}, SignError, "no written signature"),
    "no hints": ({"signer": TypeHintSigner()}, SignError, "no type hint"),
    "a signature that lies about the answers": (
        {"signer": ExplicitSigner(inputs={"a": "double", "b": "double"}, outputs="string")},
        SignError,
        "violates its signature",
    ),
}


@pytest.mark.usefixtures("in_sums")
@pytest.mark.parametrize("case", sample_params(ERRORS, every=3))
def test_nothing_is_registered_after_an_error(case: str, tmp_path: Path) -> None:
    changes, kind, text = ERRORS[case]
    before = files()
    with pytest.raises(kind, match=text):
        task(**changes).run(tmp_path)
    assert versions() == [1]
    assert saved_statuses() == ["READY"]
    assert {path: digest for path, digest in files().items() if path in before} == before
    assert receipt(tmp_path)["status"] == "failed"


@pytest.mark.usefixtures("published")
@pytest.mark.slow
def test_a_copy_that_fails_its_checks_is_marked_as_failed(
    tmp_path: Path, mocker: MockerFixture
) -> None:
    mocker.patch(
        "modelpact._internal.mlflow_compat.invoke_scoring_server", side_effect=OSError("no")
    )
    with pytest.raises(VerifyError, match="SERVING_EXAMPLE"):
        task().run(tmp_path)
    assert versions() == [1]
    assert saved_statuses() == ["FAILED", "READY"]


def test_a_missing_store_is_not_created(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match=r"the store mlflow\.db does not exist"):
        task().run(tmp_path)
    assert not Path("mlflow.db").exists()
    assert receipt(tmp_path)["stage"] == "check"


@pytest.mark.usefixtures("published")
@pytest.mark.slow
def test_a_model_whose_files_are_gone(tmp_path: Path) -> None:
    for path in folder_of(1).glob("**/*.json"):
        path.unlink()
    with pytest.raises(
        IntegrityError, match=r"modelpact-manifest\.json was removed\n.*\n.*task\.integrity=off"
    ):
        task().run(tmp_path)
    with pytest.raises(LoadError, match="cannot load"):
        task(integrity="off").run(tmp_path)
    (folder_of(1) / "MLmodel").unlink()
    with pytest.raises(LoadError, match="cannot read the files"):
        task().run(tmp_path)
    assert versions() == [1]


@pytest.mark.slow
@pytest.mark.usefixtures("unsigned")
def test_on_the_command_line(modelpact: CommandRunner) -> None:
    Path("rows.csv").write_text("a,b\n1.5,2.0\n2.5,1.0\n")
    data = ("data=csv", "data.path=rows.csv")
    ended = modelpact("task=resign", "task.uri=models:/plain/1", *data)
    assert ended.status == 0, ended.err
    assert "registered plain version 2; 5 of 5 checks passed" in ended.out
    assert modelpact("task=check", "task.uri=models:/plain/2", *data).status == 0
    ended = modelpact("task=resign", *data)
    assert ended.status == 2
    assert "task.uri is required" in ended.err
