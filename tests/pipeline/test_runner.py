from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import pytest
from mlflow.exceptions import MlflowException
from pytest_mock import MockerFixture
from sqlalchemy.orm import loading

from modelpact import publish
from modelpact.data import CsvData, DataSource
from modelpact.errors import (
    CompatibilityError,
    ConfigError,
    DataError,
    FitError,
    LoadError,
    PactError,
    PredictError,
    RegisterError,
    SaveError,
    SignError,
    StoreError,
    VerifyError,
)
from modelpact.loaders import BuiltinLoader, CustomLoader
from modelpact.models import SklearnModel
from modelpact.pipeline.runner import STAGES
from modelpact.registers import MlflowRegister, NoneRegister
from modelpact.savers import BuiltinSaver, CustomSaver
from modelpact.signature import digest
from modelpact.signers import ExplicitSigner, InferSigner
from modelpact.tracking import SqliteTracking
from modelpact.verifiers import NoneVerifier
from tests.support.many_cases import sample_params
from tests.support.paths import import_environment
from tests.support.publishing import (
    client,
    experiment_id,
    not_none,
    numbers,
    receipt,
    runs,
    saved_statuses,
    steps,
    uri,
    versions,
)
from tiny_models import Doubler, Faulty, Forgetful


class RefusingRegister(MlflowRegister):
    """Fails at registration."""

    def register(self, name: str, model_uri: str, *, tags: dict[str, str] | None = None) -> Any:
        raise MlflowException("the registry says no")


def test_the_receipt_describes_the_run(tmp_path: Path) -> None:
    done = publish(**steps(), folder=tmp_path / "out")

    assert (done.status, done.stage, done.error, done.name, done.version, done.reused) == (
        "ok",
        None,
        None,
        "sums",
        "1",
        False,
    )
    assert receipt(tmp_path / "out") == done.model_dump()
    assert list(done.seconds) == list(STAGES)
    assert all(spent >= 0 for spent in done.seconds.values())
    assert done.metrics == {"r2": 1.0}
    assert {check.code: check.ok for check in done.checks} == {
        "SIGNATURE_STORED": True,
        "OUTPUTS_CONFORM": True,
        "PREDICTIONS_EQUAL": True,
        "SERVING_EXAMPLE": True,
        "BREAKS_REFUSED": True,
    }
    assert done.steps["model"] == "Doubler"
    assert done.formats == ["code", "json"]
    assert [column["name"] for column in json.loads(not_none(done.signature)["inputs"])] == [
        "a",
        "b",
    ]


def test_the_registered_version_is_the_saved_and_verified_model() -> None:
    done = publish(**steps())

    version = client().get_model_version("sums", "1")
    assert version.source == done.model_uri
    assert version.run_id == done.run_id
    assert version.tags["modelpact.job_key"] == done.job_key
    assert version.tags["modelpact.signature_digest"] == done.signature_digest
    saved = client().get_logged_model(not_none(done.model_uri).removeprefix("models:/"))
    assert version.tags["modelpact.artifact_digest"] == saved.tags["modelpact.artifact_digest"]
    mlflow.set_tracking_uri(uri())
    loaded = mlflow.pyfunc.load_model("models:/sums/1")
    assert digest(loaded.metadata.signature) == done.signature_digest
    assert (
        loaded.predict(numbers().read().inputs).tolist()
        == Doubler().predict(numbers().read().inputs).tolist()
    )


def test_the_run_is_finished_with_tags_metrics_and_model() -> None:
    done = publish(**steps())

    run = client().get_run(not_none(done.run_id))
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "sums"
    assert run.data.tags["modelpact.signer"] == "InferSigner"
    assert run.data.metrics == {"r2": 1.0}
    assert "modelpact.stage" not in run.data.tags
    assert [output.model_id for output in not_none(run.outputs).model_outputs] == [
        not_none(done.model_uri).removeprefix("models:/")
    ]
    assert saved_statuses() == ["READY"]


def test_the_name_of_the_data_is_the_default_name() -> None:
    assert publish(**steps(name=None)).name == "inline"


def test_a_model_of_an_mlflow_flavor_is_published() -> None:
    from sklearn.linear_model import Ridge

    builtin = {"saver": BuiltinSaver(pip_requirements=["scikit-learn"]), "loader": BuiltinLoader()}
    done = publish(**steps(model=SklearnModel(estimator=Ridge()), **builtin))
    assert done.version == "1"
    assert done.steps["saver"] == "BuiltinSaver"


def test_params_are_signed_and_replayed() -> None:
    done = publish(**steps(data=numbers(params={"scale": 2.0})))
    assert [param["name"] for param in json.loads(not_none(done.signature)["params"])] == ["scale"]


@pytest.mark.parametrize(
    "value",
    sample_params(
        [float("nan"), [1.0, float("nan")], {"a": float("nan")}, {"a": None}, {"a": {"b": []}}],
        every=3,
    ),
)
def test_defaults_that_differ_from_themselves_and_nulls_are_published(value: Any) -> None:
    done = publish(**steps(data=numbers(params={"scale": 2.0, "k": value})))
    loaded = mlflow.pyfunc.load_model(not_none(done.model_uri))
    assert len(loaded.predict(pd.DataFrame({"a": [1.0], "b": [2.0]}))) == 1


def test_the_observer_receives_the_stages_in_order() -> None:
    seen: list[str] = []
    publish(**steps(), observe=seen.append)
    assert seen == list(STAGES)


def test_register_none_leaves_the_model_in_its_run(tmp_path: Path) -> None:
    done = publish(**steps(register=NoneRegister()), folder=tmp_path)
    assert done.status == "ok"
    assert done.version is None
    assert versions() == []
    assert saved_statuses() == ["READY"]


FAILURES: dict[str, tuple[type[PactError], dict[str, Any]]] = {
    "fit": (FitError, {"model": Faulty(fails_in="fit")}),
    "predict": (PredictError, {"model": Faulty(fails_in="predict")}),
    "read": (DataError, {"data": CsvData(path="nowhere.csv")}),
    "sign": (
        SignError,
        {"signer": ExplicitSigner(inputs={"a": "double", "b": "double"}, outputs="string")},
    ),
    "compare": (
        CompatibilityError,
        {
            "data": numbers(params={"scale": 2.0}),
            "register": MlflowRegister(compatibility="forward"),
        },
    ),
    "save": (SaveError, {"model": Faulty(fails_in="dump")}),
    "load": (LoadError, {"model": Faulty(fails_in="load")}),
    "verify": (VerifyError, {"model": Forgetful()}),
    "register": (RegisterError, {"register": RefusingRegister(aliases=["champion"])}),
}


@pytest.mark.parametrize("stage", sample_params(FAILURES, every=3))
def test_a_failure_is_recorded_and_nothing_is_registered(stage: str, tmp_path: Path) -> None:
    publish(**steps(register=MlflowRegister(aliases=["champion"])))
    kind, changes = FAILURES[stage]

    with pytest.raises(kind) as raised:
        publish(
            **steps(**{"register": MlflowRegister(aliases=["champion"]), **changes}),
            folder=tmp_path / "out",
        )

    assert type(raised.value) is kind
    written = receipt(tmp_path / "out")
    assert (written["status"], written["stage"], written["version"]) == ("failed", stage, None)
    assert written["error"].startswith(f"{kind.__name__}: ")
    assert written == not_none(raised.value.receipt).model_dump()
    assert list(written["seconds"]) == list(STAGES)[: list(STAGES).index(stage) + 1]
    run = client().get_run(written["run_id"])
    assert run.info.status == "FAILED"
    assert run.data.tags["modelpact.stage"] == stage
    assert [file.path for file in client().list_artifacts(run.info.run_id)] == ["traceback.txt"]
    saved = ["FAILED"] if stage in {"save", "load", "verify", "register"} else []
    assert saved_statuses() == [*saved, "READY"]
    assert versions() == [1]
    assert int(client().get_model_version_by_alias("sums", "champion").version) == 1
    assert mlflow.active_run() is None


def test_the_traceback_names_the_cause() -> None:
    with pytest.raises(FitError) as raised:
        publish(**steps(model=Faulty(fails_in="fit")))
    assert isinstance(raised.value.__cause__, RuntimeError)
    run = client().get_run(not_none(not_none(raised.value.receipt).run_id))
    text = mlflow.artifacts.load_text(f"{run.info.artifact_uri}/traceback.txt")
    assert "RuntimeError: broken in fit" in text
    assert "tiny_models.py" in text


def test_invalid_names_are_rejected_before_a_store_is_created(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        publish(**steps(name="a/b"), folder=tmp_path / "out")
    written = receipt(tmp_path / "out")
    assert (written["status"], written["stage"], written["run_id"]) == ("failed", "check", None)
    assert not Path("mlflow.db").exists()


def test_a_store_that_cannot_be_created_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="file"):
        publish(
            **steps(tracking=SqliteTracking(uri="sqlite:///file/mlflow.db")),
            folder=tmp_path / "out",
        )
    assert receipt(tmp_path / "out")["stage"] == "open"


def test_failed_checks_are_in_the_receipt(tmp_path: Path) -> None:
    with pytest.raises(VerifyError):
        publish(**steps(model=Forgetful()), folder=tmp_path)
    checks = {check["code"]: check["ok"] for check in receipt(tmp_path)["checks"]}
    assert checks["PREDICTIONS_EQUAL"] is False
    assert checks["SIGNATURE_STORED"] is True


@pytest.mark.parametrize(
    ("error", "kind", "status"),
    [("KeyboardInterrupt", KeyboardInterrupt, "KILLED"), ("SystemExit", SaveError, "FAILED")],
)
def test_a_step_that_interrupts_or_exits(
    error: Any, kind: type[BaseException], status: str, tmp_path: Path
) -> None:
    with pytest.raises(kind, match="broken in dump"):
        publish(**steps(model=Faulty(fails_in="dump", error=error)), folder=tmp_path)
    written = receipt(tmp_path)
    assert (written["status"], written["stage"]) == ("failed", "save")
    assert written["error"].startswith(kind.__name__)
    assert client().get_run(written["run_id"]).info.status == status
    assert saved_statuses() == ["FAILED"]
    assert versions() == []


def closed_by_sigterm(folder: Path) -> None:
    """Check the receipt and the run after SIGTERM during `fit`."""
    written = receipt(folder)
    assert (written["status"], written["stage"]) == ("failed", "fit")
    run = client().get_run(written["run_id"])
    assert run.info.status == "KILLED"
    assert run.data.tags["modelpact.stage"] == "fit"
    assert versions() == []


def test_sigterm_closes_the_run_and_restores_the_handler(
    tmp_path: Path, mocker: MockerFixture
) -> None:
    mocker.patch.object(Doubler, "fit", side_effect=lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as raised:
        publish(**steps(), folder=tmp_path)
    assert raised.value.code == 128 + signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) is before
    closed_by_sigterm(tmp_path)


def test_a_signal_during_a_query_does_not_lock_the_store(mocker: MockerFixture) -> None:
    stages: list[str] = []
    create_row_processor: Any = loading._instance_processor

    def interrupt(*arguments: Any, **options: Any) -> Any:
        if "load" in stages:
            stages.remove("load")
            os.kill(os.getpid(), signal.SIGTERM)
        return create_row_processor(*arguments, **options)

    mocker.patch.object(loading, "_instance_processor", interrupt)
    with pytest.raises(SystemExit, match="143"):
        publish(**steps(), observe=stages.append)
    assert "load" not in stages
    assert [run.info.status for run in runs()] == ["KILLED"]
    assert saved_statuses() == ["FAILED"]


@pytest.mark.slow
def test_sigterm_closes_the_run_of_a_process(tmp_path: Path, cache: Path) -> None:
    script = "from pathlib import Path; import tiny_models, modelpact; from tests.support import publishing\n"
    script += (
        "modelpact.publish(**publishing.steps(model=tiny_models.Sleeper()), folder=Path('out'))"
    )
    environment = import_environment(MODELPACT_CACHE=str(cache))
    process = subprocess.Popen([sys.executable, "-c", script], env=environment)
    try:
        deadline = time.monotonic() + 60
        while not Path("fitting").exists():
            assert time.monotonic() < deadline, "the process never began to fit"
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 128 + signal.SIGTERM
    finally:
        process.kill()
        process.wait()
    closed_by_sigterm(Path("out"))


def test_if_exists_reuse_returns_the_existing_version() -> None:
    reuse = MlflowRegister(if_exists="reuse")
    first = publish(**steps(register=reuse))
    again = publish(**steps(register=reuse))
    other = publish(**steps(register=reuse, model=Doubler(factor=3.0)))

    assert (first.version, first.reused) == ("1", False)
    assert (again.version, again.reused, again.model_uri, again.job_key) == (
        "1",
        True,
        first.model_uri,
        first.job_key,
    )
    assert (other.version, other.reused) == ("2", False)
    run = client().get_run(not_none(again.run_id))
    assert run.info.status == "FINISHED"
    assert run.data.tags["modelpact.reused_version"] == "1"
    assert list(again.seconds) == ["check", "open", "read", "reuse"]


def test_if_exists_error_rejects_the_same_job() -> None:
    publish(**steps())
    with pytest.raises(RegisterError, match="version 1 of sums") as raised:
        publish(**steps(register=MlflowRegister(if_exists="error")))
    assert raised.value.version == "1"
    assert versions() == [1]


def test_if_exists_new_creates_another_version() -> None:
    assert [publish(**steps()).version for _ in range(2)] == ["1", "2"]


def test_an_active_run_stays_open_and_becomes_the_parent(tmp_path: Path) -> None:
    publish(**steps())
    mlflow.set_tracking_uri(uri())
    with mlflow.start_run(experiment_id=experiment_id()) as mine:
        done = publish(**steps())
        assert not_none(mlflow.active_run()).info.run_id == mine.info.run_id
        with pytest.raises(FitError):
            publish(**steps(model=Faulty(fails_in="fit")))
        assert not_none(mlflow.active_run()).info.run_id == mine.info.run_id
    assert (
        client().get_run(not_none(done.run_id)).data.tags["mlflow.parentRunId"] == mine.info.run_id
    )
    assert client().get_run(not_none(done.run_id)).info.status == "FINISHED"
    assert client().get_run(mine.info.run_id).info.status == "FINISHED"


@pytest.mark.parametrize("fails", [False, True])
def test_global_state_is_restored(
    fails: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///elsewhere.db")
    mlflow.set_tracking_uri("sqlite:///mine.db")
    before = (
        mlflow.get_tracking_uri(),
        dict(os.environ),
        signal.getsignal(signal.SIGTERM),
        Path.cwd(),
    )
    if fails:
        with pytest.raises(FitError):
            publish(**steps(model=Faulty(fails_in="fit")))
    else:
        publish(**steps())
    assert (
        mlflow.get_tracking_uri(),
        dict(os.environ),
        signal.getsignal(signal.SIGTERM),
        Path.cwd(),
    ) == before
    assert mlflow.active_run() is None


def test_publish_works_outside_of_the_main_thread() -> None:
    done: list[Any] = []
    thread = threading.Thread(target=lambda: done.append(publish(**steps())))
    thread.start()
    thread.join()
    assert [one.version for one in done] == ["1"]


def test_an_error_while_recording_does_not_hide_the_failure(
    mocker: MockerFixture, caplog: pytest.LogCaptureFixture
) -> None:
    mocker.patch("mlflow.MlflowClient.set_tag", side_effect=MlflowException("the disk is full"))
    with pytest.raises(FitError, match="broken in fit"):
        publish(**steps(model=Faulty(fails_in="fit")))
    assert "cannot record the failure of the run in MLflow: the disk is full" in caplog.text


def test_every_stage_has_its_own_error_class() -> None:
    assert all(issubclass(kind, PactError) for kind in STAGES.values())
    apart = {
        stage: kind for stage, kind in STAGES.items() if stage not in {"reuse", "compare"}
    }  # they raise RegisterError, too
    assert len(set(apart.values())) == len(apart)


def test_the_receipt_of_an_unverified_model_has_a_check_not_verified() -> None:
    done = publish(**steps(verifier=NoneVerifier()))
    assert [check.code for check in done.checks] == ["NOT_VERIFIED"]


def test_each_working_folder_has_its_own_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(**steps())
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    assert publish(**steps()).version == "1"
    assert Path("mlflow.db").stat().st_size > 0


def test_the_registry_uri_of_the_user_is_restored() -> None:
    mlflow.set_registry_uri("sqlite:///registry.db")
    publish(**steps())
    assert mlflow.get_registry_uri() == "sqlite:///registry.db"


def test_sys_path_is_restored() -> None:
    before = list(sys.path)
    publish(**steps())
    assert sys.path == before


def test_an_error_while_failing_the_model_does_not_hide_the_first(mocker: MockerFixture) -> None:
    mocker.patch("mlflow.MlflowClient.log_model_artifacts", side_effect=OSError("disk full"))
    mocker.patch(
        "mlflow.MlflowClient.finalize_logged_model", side_effect=MlflowException("gone as well")
    )
    with pytest.raises(PactError, match="disk full"):
        publish(**steps())


def test_integers_signed_as_doubles_are_saved() -> None:
    integers = numbers(inputs=[{"a": row, "b": row} for row in range(8)])
    assert publish(**steps(data=integers, signer=InferSigner(integers_as="double"))).version == "1"


def test_a_run_in_the_environment_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    publish(**steps())
    (first,) = runs()
    monkeypatch.setenv("MLFLOW_RUN_ID", first.info.run_id)
    publish(**steps(model=Doubler(factor=3.0), data=numbers()))
    assert len(runs()) == 2
    assert client().get_run(first.info.run_id).to_dictionary() == first.to_dictionary()


class NoSample(DataSource):
    """Returns a DataFrame instead of a sample."""

    def read(self) -> Any:
        return [1.0]


class NoAdapter(CustomLoader):
    """Returns what the adapter wraps."""

    def load(self, uri: str) -> Any:
        return super().load(uri).pyfunc


class NoInfo(CustomSaver):
    """Returns the URI only."""

    def save(self, *arguments: Any, **options: Any) -> Any:
        return super().save(*arguments, **options).model_uri


class NoVerdict(NoneVerifier):
    """Returns whether the model is good."""

    def verify(self, *_: Any) -> Any:
        return True


class NoVersion(NoneRegister):
    """Returns a number."""

    def register(self, *_: Any, **__: Any) -> Any:
        return 1


class NoSignature(InferSigner):
    """Returns nothing."""

    def sign(self, *_: Any, **__: Any) -> Any:
        return None


@pytest.mark.parametrize(
    ("step", "text"),
    [
        ({"data": NoSample()}, "NoSample.read must return a Sample, not a list"),
        (
            {"signer": NoSignature()},
            "NoSignature.sign must return a ModelSignature, not a NoneType",
        ),
        (
            {"saver": NoInfo(pip_requirements=["numpy"])},
            "NoInfo.save must return a ModelInfo, not a str",
        ),
        ({"loader": NoAdapter()}, "NoAdapter.load must return an Adapter, not a PyFuncModel"),
        ({"verifier": NoVerdict()}, "NoVerdict.verify must return a Verdict, not a bool"),
        ({"register": NoVersion()}, "NoVersion.register must return a ModelVersion, not an int"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_a_step_that_returns_another_type_is_named(step: dict[str, Any], text: str) -> None:
    with pytest.raises(PactError, match=text):
        publish(**steps(**step))
