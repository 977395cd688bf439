from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import mlflow
import numpy as np
import pytest
from mlflow.models import Model as MLmodel
from pytest_mock import MockerFixture
from sklearn.linear_model import LinearRegression

from modelpact.errors import DriftError, ModelConfigNotFound, SaveError
from modelpact.models import Model, SklearnModel, TensorModel
from modelpact.savers import BuiltinSaver, CustomSaver, Saver
from modelpact.signature import infer, parse
from modelpact.tracking import SqliteTracking
from tests.support.paths import ROOT
from tests.support.publishing import client, numbers, saved_statuses
from tiny_models import Doubler, Faulty, Hinted, Scaled

ROWS = numbers().read().inputs
SIGNATURE = infer(ROWS, Doubler().predict(ROWS))


@pytest.fixture(autouse=True)
def store() -> Iterator[None]:
    """An open store."""
    with SqliteTracking().open():
        yield


def line() -> SklearnModel:
    """A fitted estimator."""
    model = SklearnModel(estimator=LinearRegression())
    model.fit(ROWS, np.arange(len(ROWS)))
    return model


def custom(
    model: Model | None = None, signature: Any = SIGNATURE, example: Any = ROWS, **options: Any
) -> Path:
    """Save a model and return its folder."""
    saver = CustomSaver(**{"pip_requirements": ["numpy"], **options})
    return Path(
        mlflow.artifacts.download_artifacts(
            saver.save(model or Doubler(), signature, example).model_uri
        )
    )


def builtin(model: Model, signature: Any = SIGNATURE, **options: Any) -> Path:
    """Save a model in its flavor and return its folder."""
    saver = BuiltinSaver(**{"pip_requirements": ["scikit-learn"], **options})
    return Path(mlflow.artifacts.download_artifacts(saver.save(model, signature, ROWS).model_uri))


def test_the_base_class_cannot_be_instantiated() -> None:
    with pytest.raises(TypeError, match="abstract"):
        Saver()  # type: ignore[abstract]


@pytest.mark.parametrize(
    "saver",
    [
        CustomSaver(pip_requirements=["scikit-learn"]),
        BuiltinSaver(pip_requirements=["scikit-learn"]),
    ],
)
def test_a_saved_model_has_its_signature_and_example(saver: Saver) -> None:
    info = saver.save(line(), SIGNATURE, ROWS.head(2))
    folder = Path(mlflow.artifacts.download_artifacts(info.model_uri))
    assert info.signature == SIGNATURE
    assert MLmodel.load(str(folder)).signature == SIGNATURE
    assert (
        len(
            json.loads((folder / "serving_input_example.json").read_text())["dataframe_split"][
                "data"
            ]
        )
        == 2
    )
    assert (folder / "input_example.json").is_file()
    assert mlflow.pyfunc.load_model(info.model_uri).predict(ROWS) == pytest.approx(
        line().predict(ROWS)
    )
    assert client().get_logged_model(info.model_id).status == "READY"


def test_a_model_is_saved_in_the_active_run() -> None:
    with mlflow.start_run() as run:
        info = CustomSaver(path="sums", pip_requirements=["numpy"]).save(Doubler(), SIGNATURE, ROWS)
    assert info.run_id == run.info.run_id
    assert client().get_logged_model(info.model_id).name == "sums"
    assert [
        output.model_id
        for output in client().get_run(run.info.run_id).outputs.model_outputs  # type: ignore[union-attr]
    ] == [info.model_id]


@pytest.mark.parametrize("save", [custom, builtin])
def test_saved_files_contain_no_local_path(save: Any, tmp_path: Path) -> None:
    folder = save(line())
    for file in folder.rglob("*"):
        if file.suffix in {".yaml", ".txt", ".json"} or file.name == "MLmodel":
            text = file.read_text()
            for place in (
                str(tmp_path),
                str(Path.home()),
                str(ROOT),
                str(Path(sys.prefix)),
            ):
                assert place not in text, file.name


@pytest.mark.slow
def test_a_custom_model_loads_without_modelpact(tmp_path: Path) -> None:
    folder = custom(
        Scaled(),
        infer(ROWS, Scaled().predict(ROWS), {"scale": 1.0}),
        (ROWS.head(2), {"scale": 1.0}),
    )
    script = tmp_path / "load.py"
    script.write_text(
        "import sys\n"
        f"sys.path[:] = [entry for entry in sys.path if 'modelpact' not in entry and not entry.startswith({str(ROOT)!r})]\n"
        "sys.meta_path[:] = [finder for finder in sys.meta_path if 'editable' not in repr(finder)]\n"
        "try:\n    import modelpact\nexcept ModuleNotFoundError:\n    print('absent')\n"
        "import mlflow, pandas\n"
        f"model = mlflow.pyfunc.load_model({str(folder)!r})\n"
        "print(model.predict(pandas.DataFrame({'a': [1.0], 'b': [2.0]}), params={'scale': 2.0}).tolist())\n"
    )
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, str(script)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.stdout.split("\n")[:2] == ["absent", "[6.0]"], done.stderr


def test_a_custom_model_has_code_and_configuration_and_no_pickle(tmp_path: Path) -> None:
    (tmp_path / "model.json").write_text('{"offset": 3}')
    folder = custom(Scaled(), config_file=str(tmp_path / "model.json"))
    config = json.loads((folder / "artifacts" / "config.json").read_text())
    assert config == {
        "protocol": 1,
        "class": "tiny_models:Scaled",
        "options": {},
        "context": {"offset": 3},
    }
    assert (folder / "code" / "tiny_models.py").is_file()
    assert not [file for file in folder.rglob("*") if file.suffix in {".pkl", ".pickle"}]
    assert mlflow.pyfunc.load_model(str(folder)).predict(ROWS) == pytest.approx(
        Scaled().predict(ROWS) + 3
    )


def test_options_of_a_custom_model_are_restored() -> None:
    assert mlflow.pyfunc.load_model(str(custom(Doubler(factor=10.0)))).predict(
        ROWS
    ) == pytest.approx(Doubler(factor=10.0).predict(ROWS))


def test_code_paths_are_saved_with_the_model(tmp_path: Path) -> None:
    (tmp_path / "helping.py").write_text("ANSWER = 42\n")
    assert (custom(code_paths=[str(tmp_path / "helping.py")]) / "code" / "helping.py").is_file()


@pytest.mark.slow
def test_the_signature_of_type_hints_is_saved() -> None:
    from modelpact.signers import TypeHintSigner

    example = [{"a": 1.0, "b": 2.0}]
    signature = TypeHintSigner().sign(example, [3.0], model=Hinted())
    folder = custom(Hinted(), signature, example)
    assert MLmodel.load(str(folder)).signature == signature
    assert mlflow.pyfunc.load_model(str(folder)).predict(example) == [3.0]


def test_a_signature_replaced_by_mlflow_is_a_drift_error(mocker: MockerFixture) -> None:
    other = parse({"inputs": {"a": "double", "b": "double"}, "outputs": "double"})
    real = mlflow.pyfunc.save_model
    mocker.patch(
        "mlflow.pyfunc.save_model",
        lambda *args, **options: real(*args, **{**options, "signature": other}),
    )
    with pytest.raises(DriftError) as raised:
        custom()
    assert raised.value.signed == SIGNATURE.to_dict()
    assert raised.value.stored == other.to_dict()
    assert saved_statuses() == ["FAILED"]


@pytest.mark.parametrize("missing", ["input_example.json", "serving_input_example.json"])
def test_a_missing_example_is_reported(missing: str, mocker: MockerFixture) -> None:
    real = mlflow.pyfunc.save_model

    def forgetful(path: str, **options: Any) -> None:
        real(path=path, **options)
        (Path(path) / missing).unlink()

    mocker.patch("mlflow.pyfunc.save_model", forgetful)
    with pytest.raises(SaveError, match=missing):
        custom()
    assert saved_statuses() == ["FAILED"]


def test_a_local_path_in_the_mlmodel_file_is_rejected(mocker: MockerFixture) -> None:
    real = mlflow.pyfunc.save_model

    def homesick(**options: Any) -> None:
        real(**options)
        options["mlflow_model"].metadata = {"made_in": str(Path.cwd())}

    mocker.patch("mlflow.pyfunc.save_model", homesick)
    with pytest.raises(SaveError, match="contains the local path"):
        custom()
    assert saved_statuses() == ["FAILED"]


def test_a_model_that_cannot_be_dumped_is_failed() -> None:
    with pytest.raises(RuntimeError, match="broken in dump"):
        custom(Faulty(fails_in="dump"))
    assert saved_statuses() == ["FAILED"]


def test_errors_of_mlflow_are_raised_with_their_cause(mocker: MockerFixture) -> None:
    mocker.patch("mlflow.pyfunc.save_model", side_effect=TypeError("not for me"))
    with pytest.raises(
        SaveError, match="CustomSaver cannot save this Doubler: TypeError: not for me"
    ) as raised:
        custom()
    assert isinstance(raised.value.__cause__, TypeError)


def test_a_class_that_cannot_be_imported_is_rejected() -> None:
    class Local(Doubler):
        pass

    class LocalSklearn(SklearnModel):
        pass

    with pytest.raises(SaveError, match=r"cannot be imported where(.|\n)*without the base class"):
        CustomSaver().check(Local())
    with pytest.raises(SaveError, match=r"cannot be imported where(.|\n)*with saver=builtin"):
        CustomSaver().check(LocalSklearn(estimator=LinearRegression()))


@pytest.mark.slow
def test_the_remedies_for_a_class_of_a_script_work(tmp_path: Path) -> None:
    scripts = {"doubling.py": DOUBLING, "remedies.py": REMEDIES, "load.py": LOAD}
    for name, script in scripts.items():
        (tmp_path / name).write_text(script, encoding="utf-8")
    environment = {name: text for name, text in os.environ.items() if "MLFLOW" not in name}
    for name in ("remedies.py", "load.py"):
        command = [sys.executable, name]
        ended = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert ended.returncode == 0, ended.stderr
        # The module is saved with the model.
        (tmp_path / "doubling.py").unlink(missing_ok=True)


DOUBLING = """
from modelpact.models import Model

class Doubling(Model):
    def predict(self, inputs, params=None):
        return inputs["a"] * 2.0
"""

REMEDIES = """
import modelpact
import pandas as pd
import pytest
from modelpact.models import Model, SklearnModel
from sklearn.linear_model import LinearRegression

X = pd.DataFrame({"a": [1.0, 2.0, 3.0]})
quick = {"pip_requirements": ["pandas", "scikit-learn"]}

class Doubling(Model):
    def predict(self, inputs, params=None):
        return inputs["a"] * 2.0

class Line(SklearnModel):
    pass

line = Line(estimator=LinearRegression())
with pytest.raises(modelpact.PactError, match="level of a module(.*)without the base class"):
    modelpact.publish(Doubling(), X, name="a", saver=quick)
with pytest.raises(modelpact.PactError, match='saver="builtin", in the flavor'):
    modelpact.publish(line, X, X.a * 2.0, name="a", saver=quick)

import doubling

modelpact.publish(doubling.Doubling(), X, name="a", saver=quick)

class Doubling:
    def predict(self, inputs, params=None):
        return inputs["a"] * 2.0

modelpact.publish(Doubling(), X, name="b", saver=quick)
modelpact.publish(line, X, X.a * 2.0, name="c", saver={"_target_": "builtin", **quick})
"""

LOAD = """
import sys

sys.modules["modelpact"] = None

import mlflow
import pandas as pd

mlflow.set_tracking_uri("sqlite:///mlflow.db")
for name in "abc":
    predicted = mlflow.pyfunc.load_model(f"models:/{name}/1").predict(pd.DataFrame({"a": [1.5]}))
    assert [round(value, 6) for value in predicted] == [3.0], predicted
"""


def test_a_missing_configuration_is_rejected_before_saving() -> None:
    with pytest.raises(ModelConfigNotFound, match=r"none\.json"):
        CustomSaver(config_file="none.json").check(Doubler())


def test_a_builtin_model_is_loaded_by_its_flavor() -> None:
    loaded = mlflow.sklearn.load_model(str(builtin(line())))
    assert isinstance(loaded, LinearRegression)


def test_a_builtin_model_has_no_code_of_modelpact() -> None:
    images = np.arange(40 * 4, dtype="float32").reshape(40, 2, 2)
    model = TensorModel(hidden=2, max_iter=200)
    model.fit(images, np.arange(40) % 2)
    saver = BuiltinSaver(pip_requirements=["scikit-learn"])
    signature = parse({"inputs": "float32[-1, 2, 2]", "outputs": "float32[-1, 2]"})
    info = saver.save(model, signature, images[:2])
    folder = Path(mlflow.artifacts.download_artifacts(info.model_uri))
    assert not (folder / "code").exists()
    assert mlflow.pyfunc.load_model(str(folder)).predict(images) == pytest.approx(
        model.predict(images)
    )


@pytest.mark.parametrize(
    ("options", "model", "text"),
    [
        ({}, Doubler(), "does not fit any MLflow flavor"),
        ({"flavor": "sklearn"}, Doubler(), "does not fit any MLflow flavor"),
        (
            {"flavor": "sklern"},
            line(),
            "unknown MLflow flavor saver.flavor='sklern' (did you mean 'sklearn'",
        ),
        ({"flavor": "tracking"}, line(), "unknown MLflow flavor"),
        ({"flavor": "pyfunc"}, line(), "cannot save this SklearnModel, which fits sklearn"),
    ],
)
def test_an_unsuitable_flavor_is_rejected_before_saving(
    options: dict[str, Any], model: Model, text: str
) -> None:
    with pytest.raises(SaveError, match=re.escape(text)):
        BuiltinSaver(**options).check(model)


def test_a_missing_flavor_library_is_named_with_the_command_to_install_it(
    mocker: MockerFixture,
) -> None:
    mocker.patch(
        "modelpact.savers.builtin_saver.importlib.import_module",
        side_effect=ImportError("No module named 'sklearn'"),
    )
    with pytest.raises(
        SaveError, match=r"No module named 'sklearn'\nInstall it: pip install sklearn"
    ):
        BuiltinSaver().check(line())


def test_identity_excludes_the_path() -> None:
    assert CustomSaver(path="a").identity() == CustomSaver(path="b").identity()
    assert CustomSaver(pip_requirements=["x"]).identity() != CustomSaver().identity()


def test_missing_code_paths_are_rejected_before_saving() -> None:
    with pytest.raises(SaveError, match=r"code_paths: nowhere\.py does not exist"):
        CustomSaver(code_paths=["nowhere.py"]).check(Doubler())


@pytest.mark.parametrize("saver", [CustomSaver(), BuiltinSaver()])
def test_what_is_not_a_model_or_not_signed_is_refused(saver: Any) -> None:
    with pytest.raises(SaveError, match="the model is a LinearRegression"):
        saver.save(LinearRegression(), infer(ROWS), ROWS)
    with pytest.raises(SaveError, match="there is no signature"):
        saver.save(line(), None, ROWS)


class Stopping(Doubler):
    """Sends a signal to its process when it is saved."""

    def dump(self, folder: Path) -> None:
        os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.parametrize(
    ("at", "status"),
    [
        ("create_logged_model", "FAILED"),
        ("dump", "FAILED"),
        ("set_logged_model_tags", "FAILED"),
        ("finalize_logged_model", "READY"),
    ],
)
def test_a_signal_leaves_no_unfinished_model(
    at: str, status: str, mocker: MockerFixture, request: pytest.FixtureRequest
) -> None:
    def stop(number: int, frame: FrameType | None) -> None:
        raise SystemExit(143)

    before = signal.signal(signal.SIGTERM, stop)
    request.addfinalizer(lambda: signal.signal(signal.SIGTERM, before))
    if at != "dump":
        call = getattr(mlflow.MlflowClient, at)

        def interrupted(*arguments: Any, **options: Any) -> Any:
            result = call(*arguments, **options)
            os.kill(os.getpid(), signal.SIGTERM)
            return result

        mocker.patch.object(mlflow.MlflowClient, at, interrupted)
    with pytest.raises(SystemExit) as stopped:
        custom(Stopping() if at == "dump" else Doubler())
    assert stopped.value.code == 143
    assert saved_statuses() == [status]
    assert signal.getsignal(signal.SIGTERM) is stop
