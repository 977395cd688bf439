from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import mlflow.sklearn
import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from sklearn.linear_model import LinearRegression

from modelpact import publish
from modelpact.cli.tasks import ExportTask
from modelpact.errors import ConfigError, LoadError
from modelpact.loaders import BuiltinLoader, CustomLoader
from modelpact.savers import CustomSaver
from modelpact.signature import parse, to_json_schema
from modelpact.tracking import SqliteTracking
from serving_models import Nested, Sums
from tests.support.commands import CommandRunner, modelpact
from tests.support.many_cases import sample_params
from tests.support.publishing import steps
from tests.support.served_models import NESTED, PERSON, create_client

__all__ = ["modelpact"]  # the fixture

FORMS = ["jsonschema", "openapi", "pydantic", "markdown"]


def saved(model: Any, spec: Any, example: Any) -> str:
    """Return the folder of a model, which can be read without a store."""
    with SqliteTracking().open():
        uri = CustomSaver(pip_requirements=["numpy"]).save(model, parse(spec), example).model_uri
        return str(CustomLoader().load(uri).folder)


def nested() -> str:
    return saved(Nested(), NESTED, ([PERSON], {"factor": 2.0}))


def task(uri: str, to: str, **changes: Any) -> ExportTask:
    return ExportTask(
        **{"uri": uri, "to": to, "loader": BuiltinLoader(), "tracking": SqliteTracking(), **changes}
    )


def exported(capsys: pytest.CaptureFixture[str], uri: str, to: str) -> str:
    capsys.readouterr()
    task(uri, to).run(Path())
    return capsys.readouterr().out


def imported(text: str, folder: Path) -> Any:
    """Import a module from a file."""
    path = folder / "exported.py"
    path.write_text(text, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("exported", path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["exported"] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    finally:
        del sys.modules["exported"]
    return module


def plain(folder: str, **options: Any) -> None:
    """Save a model with MLflow, with the given options only."""
    estimator = LinearRegression().fit([[1.0]], [1.0])
    mlflow.sklearn.save_model(estimator, folder, pip_requirements=["scikit-learn"], **options)


class TestForms:
    def test_json_schema(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert json.loads(exported(capsys, nested(), "jsonschema")) == to_json_schema(parse(NESTED))

    def test_openapi_equals_that_of_the_server(self, capsys: pytest.CaptureFixture[str]) -> None:
        folder = nested()
        http = create_client(CustomLoader().load(folder))
        assert json.loads(exported(capsys, folder, "openapi")) == http.get("/openapi.json").json()
        assert (
            json.loads(exported(capsys, folder, "jsonschema"))
            == http.get("/signature").json()["json_schema"]
        )

    def test_pydantic_models_accept_the_example_and_the_prediction(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        folder = nested()
        models = imported(exported(capsys, folder, "pydantic"), tmp_path)
        body = {"inputs": [PERSON], "params": {"factor": 2.0}}
        request = models.Request.model_validate(body)
        assert request.model_dump(mode="json", exclude_unset=True) == body
        assert request.inputs.root[0].home.zip == 8010
        answer = create_client(CustomLoader().load(folder)).post("/predict", json=body).json()
        assert models.Response.model_validate(answer).prediction.root[0].total == 7.0
        with pytest.raises(ValidationError, match=r"inputs.0.scores.x"):
            models.Request.model_validate({"inputs": [PERSON | {"scores": {"x": "1.5"}}]})

    def test_markdown_has_every_column_param_and_an_example(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        text = exported(capsys, nested(), "markdown")
        assert "| `home.zip` | `long` | no | `8010` |" in text
        assert "| `factor` | `double` | `1.0` |" in text
        assert "| `city` | `string` | no |" in text
        assert """-d '{"inputs": [{"name": "Anne\"""" in text

    def test_tensors(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        spec = {
            "inputs": {"left": "float64[-1, 2]", "right": "float64[-1, 2]"},
            "outputs": "float64[-1, 2]",
        }
        folder = saved(Sums(), spec, {"left": np.ones((2, 2)), "right": np.full((2, 2), 2.0)})
        models = imported(exported(capsys, folder, "pydantic"), tmp_path)
        models.Request.model_validate({"inputs": {"left": [[1, 2.5]], "right": [[1, 2]]}})
        with pytest.raises(ValidationError, match="too_short"):
            models.Request.model_validate({"inputs": {"left": [[1]], "right": [[1, 2]]}})
        assert "| `left` | `float64[-1, 2]` | yes |" in exported(capsys, folder, "markdown")


def test_the_python_call_of_a_page_runs(capsys: pytest.CaptureFixture[str]) -> None:
    text = exported(capsys, nested(), "markdown")
    capsys.readouterr()
    exec(text.rpartition("```python\n")[2].partition("```")[0], {})
    assert "Anne" in capsys.readouterr().out


def test_markdown_characters_in_names_are_escaped(
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = saved(
        Nested(),
        {"inputs": {"a|b": "double", "`c`\n": "double"}},
        pd.DataFrame({"a|b": [1.0], "`c`\n": [2.0]}),
    )
    text = exported(capsys, folder, "markdown")
    assert "| `a\\|b` | `double` | yes | `1.0` |" in text
    assert "| `` `c`  `` | `double` | yes | `2.0` |" in text


@pytest.mark.parametrize("to", sample_params(FORMS, every=4))
def test_standard_output_is_only_the_document(modelpact: CommandRunner, to: str) -> None:
    publish(**steps())
    ended = modelpact("task=export", "task.uri=models:/sums/latest", f"task.to={to}")
    assert ended.status == 0, ended.err
    out = ended.out
    if to in {"jsonschema", "openapi"}:
        assert json.loads(out)
    elif to == "pydantic":
        assert out.startswith('"""Types of models:/sums/1.')
        compile(out, "exported.py", "exec")
    else:
        assert out.startswith("# sums, version 1\n")
    written = modelpact(
        "task=export", "task.uri=models:/sums/latest", f"task.to={to}", "task.out=made/model.txt"
    )
    assert written.out == "wrote made/model.txt\n"
    assert Path("made/model.txt").read_text(encoding="utf-8") == out


class TestRefusals:
    @pytest.mark.parametrize("to", FORMS)
    def test_a_model_that_does_not_exist(self, to: str) -> None:
        with pytest.raises(LoadError, match=r"the store mlflow\.db does not exist"):
            task("models:/sums/1", to).run(Path())

    @pytest.mark.filterwarnings("ignore")
    @pytest.mark.parametrize("to", sample_params(FORMS, every=3))
    def test_a_model_without_signature(self, to: str) -> None:
        plain("plain")
        with pytest.raises(LoadError, match="has no signature"):
            task("plain", to).run(Path())

    def test_an_unknown_format(self, modelpact: CommandRunner) -> None:
        ended = modelpact("task=export", "task.uri=models:/sums/1", "task.to=xml")
        assert ended.status == 2
        assert "jsonschema" in ended.err

    def test_a_missing_format(self, modelpact: CommandRunner) -> None:
        ended = modelpact("task=export", "task.uri=models:/sums/1")
        assert (ended.status, ended.err.splitlines()[0]) == (
            2,
            "error: task.to is required",
        )

    @pytest.mark.parametrize("place", ["folder", "file/below.json"])
    def test_a_file_that_cannot_be_written(self, place: str) -> None:
        Path("folder").mkdir()
        Path("file").touch()
        with pytest.raises(ConfigError, match=f"task.out={place}"):
            task("folder", "jsonschema", out=place).run(Path())


@pytest.mark.filterwarnings("ignore")
def test_a_model_without_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    plain("bare", signature=parse({"inputs": {"a": "double"}}))
    text = exported(capsys, "bare", "markdown")
    assert "The model has no stored example." in text
    assert json.loads(exported(capsys, "bare", "openapi"))["info"]["title"] == "bare"
