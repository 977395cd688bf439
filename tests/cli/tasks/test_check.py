from __future__ import annotations

from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from pytest_mock import MockerFixture

from modelpact import publish
from modelpact.cli.tasks import CheckTask
from modelpact.data import DataSource
from modelpact.errors import ConfigError, InputsError, LoadError, PactError, StoreError
from modelpact.registers import MlflowRegister
from modelpact.signers import ExplicitSigner
from modelpact.tracking import ServerTracking, SqliteTracking
from modelpact.types import Sample
from tests.support.commands import CommandRunner, modelpact
from tests.support.publishing import numbers, steps
from tiny_models import Doubler, Scaled

__all__ = ["modelpact"]  # the fixture


class Given(DataSource):
    """Returns the given sample."""

    inputs: Any

    def read(self) -> Sample:
        return Sample(self.inputs, None, self.params)


def task(inputs: Any, uri: str = "models:/sums/1", params: Any = None, **changes: Any) -> CheckTask:
    return CheckTask(
        **{
            "data": Given(inputs=inputs, params=params),
            "uri": uri,
            "tracking": SqliteTracking(),
            **changes,
        }
    )


def table(text: str) -> list[list[str]]:
    """Return the cells of the table."""
    lines = [line.split() for line in text.splitlines() if line.startswith("  ")]
    return lines[lines.index(["row", "path", "expected", "got", "code"]) + 1 :]


@pytest.mark.usefixtures("in_sums")
class TestAgainstAVersion:
    def test_one_line_if_all_rows_conform(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert (
            CheckTask(data=numbers(), uri="models:/sums/1", tracking=SqliteTracking()).run(tmp_path)
            is None
        )
        assert (
            capsys.readouterr().out
            == "all 8 rows of inline conform to the signature of models:/sums/1\n"
        )
        assert not list(tmp_path.glob("receipt*"))

    def test_each_failure_by_row_and_path(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        rows = [
            {"a": 1.0, "b": 2.0},
            {"a": "x", "b": 1.0},
            {"a": 1.0, "b": [1]},
            {"a": "y", "b": True},
        ]
        with pytest.raises(InputsError) as caught:
            task(rows).run(tmp_path)
        found = table(capsys.readouterr().out)
        assert [line[:2] for line in found] == [["1", "a"], ["2", "b"], ["3", "a"], ["3", "b"]]
        assert found[0] == ["1", "a", "double", "str", "'x'", "WRONG_TYPE"]
        assert caught.value.total == 4
        assert [failure.row for failure in caught.value.failures] == [1, 2, 3, 3]
        assert caught.value.exit_status == 1

    def test_at_most_max_shown_failures_with_the_total(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        rows = [{"a": "x", "b": 1.0}] * 200
        with pytest.raises(InputsError, match="in 200 places"):
            task(rows, max_shown=30).run(tmp_path)
        out = capsys.readouterr().out
        assert len(table(out)) == 30
        assert out.startswith(
            "given violates the signature in 200 places:\n  a: WRONG_TYPE in 200 rows\nexamples:\n"
        )
        with pytest.raises(InputsError):
            task(rows).run(tmp_path)
        assert len(table(capsys.readouterr().out)) == 50

    def test_more_failures_than_are_collected_are_counted(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(InputsError, match="in 30,000 places"):
            task([{"a": "x", "b": 1.0}] * 30_000, max_shown=3).run(tmp_path)
        assert "  a: WRONG_TYPE in 30,000 rows\n" in capsys.readouterr().out

    def test_a_missing_column_has_no_row(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(InputsError):
            task(pd.DataFrame({"a": [1.0]})).run(tmp_path)
        assert table(capsys.readouterr().out)[0][:2] == ["-", "b"]

    def test_params_are_checked_as_well(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(InputsError):
            task([{"a": 1.0, "b": "x"}], params={"scale": 2.0}).run(tmp_path)
        assert [line[-1] for line in table(capsys.readouterr().out)] == [
            "UNKNOWN_PARAM",
            "WRONG_TYPE",
        ]

    def test_row_numbers_are_those_of_the_file(self, modelpact: CommandRunner) -> None:
        lines = [f"{row}.5,{'word' if row == 17 else row}" for row in range(30)]
        Path("rows.csv").write_text("\n".join(["a,b", *lines]) + "\n")
        ended = modelpact(
            "task=check",
            "task.uri=models:/sums/1",
            "data=csv",
            "data.path=rows.csv",
            "data.test_size=0.5",
        )
        assert ended.status == 1
        assert table(ended.out) == [["17", "b", "double", "str", "'word'", "WRONG_TYPE"]]
        assert "violates the signature of models:/sums/1 in 1 place" in ended.err

    def test_a_column_of_words_is_one_failure(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(InputsError):
            task(pd.DataFrame({"a": ["x", "y"], "b": [1.0, 2.0]})).run(tmp_path)
        assert len(table(capsys.readouterr().out)) == 1

    def test_missing_values_next_to_a_word_keep_their_rows(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(InputsError):
            task(pd.DataFrame({"a": ["1", None, "x", "2.5"], "b": [1.0] * 4})).run(tmp_path)
        assert [line[0] for line in table(capsys.readouterr().out)] == ["2"]

    @pytest.mark.parametrize(
        ("policy", "rows", "conforms"),
        [
            ("lossless", [{"a": 1, "b": 2}], True),
            ("strict", [{"a": 1, "b": 2}], False),
            ("mlflow", [{"a": 1.5, "b": 2.5}], True),
            ("mlflow", [{"a": "x", "b": 2.5}], False),
        ],
    )
    def test_policies(self, policy: str, rows: Any, conforms: bool, tmp_path: Path) -> None:
        checked = task(rows, policy=policy)
        if conforms:
            assert checked.run(tmp_path) is None
        else:
            with pytest.raises(InputsError):
                checked.run(tmp_path)

    def test_extra_columns(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        rows = pd.DataFrame({"a": [1.0], "b": [2.0], "c": [3.0]})
        task(rows).run(tmp_path)
        assert "warning" not in capsys.readouterr().out
        task(rows, extra="warn").run(tmp_path)
        out = capsys.readouterr().out
        assert out.startswith("warning: ")
        assert "all 1 rows" in out
        with pytest.raises(InputsError):
            task(rows, extra="forbid").run(tmp_path)
        assert "EXTRA_COLUMN" in capsys.readouterr().out

    def test_the_model_is_neither_loaded_nor_changed(
        self, tmp_path: Path, mocker: MockerFixture
    ) -> None:
        load = mocker.patch("mlflow.pyfunc.load_model")
        before = {path: path.read_bytes() for path in Path("mlruns").rglob("*") if path.is_file()}
        task([{"a": 1.0, "b": 2.0}]).run(tmp_path)
        load.assert_not_called()
        assert {
            path: path.read_bytes() for path in Path("mlruns").rglob("*") if path.is_file()
        } == before

    @pytest.mark.parametrize("form", ["alias", "latest", "id", "folder"])
    def test_every_form_of_uri(
        self, form: str, in_sums: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        folder = str(next(Path("mlruns").rglob("MLmodel")).parent)
        uri = {
            "alias": "models:/sums@champion",
            "latest": "models:/sums/latest",
            "id": in_sums,
            "folder": folder,
        }[form]
        task([{"a": 1.0, "b": 2.0}], uri).run(tmp_path)
        assert "conform" in capsys.readouterr().out

    @pytest.mark.parametrize(
        ("uri", "parts"),
        [
            ("models:/sums/9", ("Versions: 1", "aliases: champion")),
            (
                "models:/sums@challenger",
                ("cannot find 'models:/sums@challenger'", "aliases: champion"),
            ),
            (
                "models:/sms/1",
                ("registered model 'sms' (did you mean 'sums'?)\nRegistered models: sums.",),
            ),
            (
                "models:/sums/Production",
                ("does not name a version", "models:/sums@champion".replace("sums", "name")),
            ),
            ("models:/m-0123456789abcdef0123456789abcdef", ("cannot find", "models:/name/1")),
            ("runs:/0123456789abcdef0123456789abcdef/model", ("cannot read", "models:/name/1")),
            ("models:/", ("cannot read", "models:/name/1")),
            ("sums", ("is neither a model URI nor a folder", "models:/name/1")),
        ],
    )
    def test_an_unknown_model(self, uri: str, parts: tuple[str, ...], tmp_path: Path) -> None:
        with pytest.raises(LoadError) as caught:
            task([{"a": 1.0, "b": 2.0}], uri).run(tmp_path)
        assert all(part in str(caught.value) for part in parts), str(caught.value)


def test_a_tensor(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images = Given(inputs=np.zeros((4, 3)))
    publish(**steps(data=images, model=Doubler()))
    task(np.zeros((2, 3))).run(tmp_path)
    assert "all 2 rows of given" in capsys.readouterr().out
    with pytest.raises(InputsError):
        task(np.zeros((2, 4))).run(tmp_path)
    assert "WRONG_SHAPE" in capsys.readouterr().out


def test_known_params(tmp_path: Path) -> None:
    publish(**steps(data=numbers(params={"scale": 2.0}), model=Scaled()))
    task([{"a": 1.0, "b": 2.0}], params={"scale": 3}).run(tmp_path)


def unsigned() -> str:
    """Save a model without a signature in the store; return its URI."""
    from sklearn.linear_model import LinearRegression

    with SqliteTracking().open():
        model = LinearRegression().fit(np.zeros((2, 2)), np.zeros(2))
        info = mlflow.sklearn.log_model(
            model, name="model", pip_requirements=["scikit-learn"], serialization_format="skops"
        )
        return str(info.model_uri)


def broken(text: str) -> str:
    Path("broken").mkdir()
    Path("broken/MLmodel").write_text(text)
    return "broken"


class TestErrors:
    def test_a_model_without_signature(self, tmp_path: Path) -> None:
        with pytest.raises(LoadError, match=r"has no signature(.|\n)*task=resign"):
            task([[1.0, 2.0]], unsigned()).run(tmp_path)

    def test_a_signature_without_inputs(self, tmp_path: Path) -> None:
        register = MlflowRegister(require_signature=False)
        publish(
            **steps(
                signer=ExplicitSigner(outputs="float64[-1]"), verifier=nothing(), register=register
            )
        )
        with pytest.raises(LoadError, match="without inputs"):
            task([{"a": 1.0}]).run(tmp_path)

    def test_a_missing_store_is_not_created(self, tmp_path: Path) -> None:
        with pytest.raises(LoadError, match=r"the store mlflow\.db does not exist"):
            task([{"a": 1.0}]).run(tmp_path)
        assert not Path("mlflow.db").exists()

    def test_a_server_that_is_down(self, tmp_path: Path) -> None:
        with pytest.raises(StoreError, match="cannot connect to"):
            task([{"a": 1.0}], tracking=ServerTracking(uri="http://127.0.0.1:9", timeout=0.5)).run(
                tmp_path
            )

    @pytest.mark.parametrize(
        "text", ["", "[1, 2]", "{signature: {inputs: x}}", "a: [", "signature: 7"]
    )
    def test_a_folder_that_is_not_a_model(self, text: str, tmp_path: Path) -> None:
        with pytest.raises(PactError, match=r"cannot read the files|no signature"):
            task([{"a": 1.0}], broken(text)).run(tmp_path)

    def test_a_folder_without_metadata(self, tmp_path: Path) -> None:
        Path("empty").mkdir()
        with pytest.raises(LoadError, match="cannot read the files"):
            task([{"a": 1.0}], "empty").run(tmp_path)

    def test_policies_that_cannot_be_combined(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="which ignores extra columns"):
            task([{"a": 1.0}], policy="mlflow", extra="forbid").run(tmp_path)

    def test_missing_keys_on_the_command_line(self, modelpact: CommandRunner) -> None:
        ended = modelpact("task=check")
        assert ended.status == 2
        assert "task.uri is required\nSet it with task.uri=..." in ended.err
        ended = modelpact("task=check", "task.uri=models:/m/1", "task.max_shown=0")
        assert ended.status == 2
        assert "task.max_shown" in ended.err
        ended = modelpact("task=check", "task.uri=models:/m/1", "data=csv")
        assert "data.path is required" in ended.err


def nothing() -> Any:
    from modelpact.verifiers import NoneVerifier

    return NoneVerifier()
