from __future__ import annotations

import decimal
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from modelpact.cli.render.contract_file import contract_yaml, write_contract
from modelpact.cli.tasks import InspectTask
from modelpact.data import DataSource, InlineData
from modelpact.errors import ConfigError, DataError, FitError, PredictError, SignError, SpecError
from modelpact.signature import digest, load, parse
from modelpact.signature.export.column_table import describe_schema
from modelpact.signers import ExampleSigner, ExplicitSigner, InferSigner, TypeHintSigner
from modelpact.types import Sample
from tests.support.commands import CommandRunner, modelpact
from tests.support.publishing import numbers
from tiny_models import Doubler, Faulty, Hinted

__all__ = ["modelpact"]  # the fixture

HOUSES = "rooms,area,town,price\n3,70.5,Bern,210\n2,48.0,,150\n5,120.0,Basel,395\n4,88.5,Bern,260\n"


class Given(DataSource):
    """Returns the given sample."""

    inputs: Any

    def read(self) -> Sample:
        return Sample(self.inputs, None, self.params)


def task(**changes: Any) -> InspectTask:
    return InspectTask(
        **{"data": numbers(), "model": Doubler(), "signer": InferSigner(), **changes}
    )


def given(inputs: Any, **options: Any) -> InspectTask:
    params = options.pop("params", None)
    return task(data=Given(inputs=inputs, params=params), **options)


def lines(text: str) -> dict[str, str]:
    """Return the lines of the tables by their first word."""
    return {
        line.split()[0]: line
        for line in text.splitlines()
        if line.startswith("  ") and ":" not in line.split()[0]
    }


@pytest.fixture
def houses() -> list[str]:
    Path("houses.csv").write_text(HOUSES)
    return [
        "task=inspect",
        "data=csv",
        "data.path=houses.csv",
        "data.target=price",
        "data.test_size=0",
    ]


def test_shows_each_column_and_the_yaml_and_saves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert task(data=numbers(params={"scale": 0.5})).run(tmp_path) is None
    out = capsys.readouterr().out
    shown = lines(out)
    assert shown["a"].split()[:3] == ["a", "double", "yes"]
    assert shown["scale"].split() == ["scale", "double", "no", "0.5"]
    assert "outputs: unknown; task.outputs=true fits the model" in out
    assert out.endswith("inputs:\n  a: double\n  b: double\nparams:\n  scale: double = 0.5\n")
    assert list(tmp_path.iterdir()) == []


def test_remarks_on_integers_and_on_nulls(houses: list[str], modelpact: CommandRunner) -> None:
    ended = modelpact(*houses)
    assert ended.status == 0, ended.err
    shown = lines(ended.out)
    assert "signer.integers_as=double" in shown["rooms"]
    assert "optional: 1 of 4 rows have no value" in shown["town"]
    assert shown["area"].split() == ["area", "double", "yes", "70.5"]
    assert "town?: string" in ended.out
    assert not Path("mlflow.db").exists()
    assert "integers_as" not in modelpact(*houses, "signer.integers_as=double").out


def test_remarks_on_columns_that_look_like_ids(modelpact: CommandRunner) -> None:
    Path("people.csv").write_text("user_id,zip,age\n7,01067,30\n9,01067,30\n")
    ended = modelpact("task=inspect", "data=csv", "data.path=people.csv")
    assert ended.status == 0, ended.err
    shown = lines(ended.out)
    assert "looks like an id: no value occurs twice" in shown["user_id"]
    assert "digits that are read as text" in shown["zip"]
    assert "id" not in shown["age"]


def test_outputs_are_signed_on_request(houses: list[str], modelpact: CommandRunner) -> None:
    ended = modelpact(*houses, "data.columns=[area]", "task.outputs=true")
    assert ended.status == 0, ended.err
    assert ended.out.endswith("inputs:\n  area: double\noutputs: float64[-1]\n")
    assert "shape (4,)" in ended.out


NESTED = [
    {
        "name": "Ann",
        "lines": [{"sku": "a", "n": 1}, {"sku": "b"}],
        "author": {"orcid": None, "age": 41},
    },
    {"name": "Bob", "lines": [{"sku": "c", "n": 2}], "author": {"orcid": "x", "age": 1}},
]


def test_nested_paths_have_their_own_rows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given(NESTED).run(tmp_path)
    shown = lines(capsys.readouterr().out)
    assert shown["lines"].split()[1:3] == ["[object]", "yes"]
    assert shown["lines[].n"].split() == ["lines[].n", "long", "no", "1"]
    assert shown["author.orcid"].split() == ["author.orcid", "string", "no", "'x'"]


@pytest.mark.parametrize(
    ("inputs", "path", "type_", "example"),
    [
        (np.zeros((3, 8, 8), dtype="float32"), "(all)", "float32[-1, 8, 8]", "shape (3, 8, 8)"),
        ({"image": np.zeros((3, 2)), "n": np.zeros(3)}, "image", "float64[-1, 2]", "shape (3, 2)"),
        (["a", "b"], "(all)", "string", "'a'"),
        ({"name": "Ann", "tags": ["x"]}, "name", "string", "'Ann'"),
        (pd.DataFrame({"text": ["y" * 100]}), "text", "string", "'yyy"),
        (pd.DataFrame({"day": pd.to_datetime(["2024-01-31"])}), "day", "datetime", "2024-01-31"),
        (pd.DataFrame({"when": pd.Series(["x", "y"], dtype="category")}), "when", "string", "'x'"),
        (pd.DataFrame({0: [1.5], 1: [2.5]}), "0", "double", "1.5"),
        ([[1.0, 2.0], [3.0, 4.0]], "(all)", "[double]", ""),
        (pd.Series([1.5], name="s"), "s", "double", "1.5"),
        (7, "(all)", "long", "7"),
    ],
)
def test_data_of_every_kind(
    inputs: Any, path: str, type_: str, example: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given(inputs).run(Path("out"))
    line = lines(capsys.readouterr().out)[path]
    assert type_ in line
    assert example in line


REFUSED: dict[str, tuple[Any, str, str]] = {
    "uint64": (
        pd.DataFrame({"bad": np.array([1], "uint64"), "good": [1.0]}),
        "bad",
        "astype('int64')",
    ),
    "Decimal": (
        pd.DataFrame({"bad": [decimal.Decimal(1)], "good": [1.0]}),
        "bad",
        "convert it to float",
    ),
    "mixed": (
        pd.DataFrame({"bad": [1, "x"], "good": [1.0, 2.0]}),
        "bad",
        "mixed types",
    ),
    "timedelta": (
        pd.DataFrame({"bad": pd.to_timedelta(["1s"]), "good": [1.0]}),
        "bad",
        "total_seconds",
    ),
    "nulls only": (
        pd.DataFrame({"bad": [None, None], "good": [1.0, 2.0]}),
        "bad",
        "cannot infer a type",
    ),
    "same name": (
        pd.DataFrame([[1.0, 2.0, 3.0]], columns=["bad", "bad", "good"]),
        "bad",
        "duplicate name of 2 columns",
    ),
    "nested": (
        [{"bad": {"x": [1, "y"]}, "good": 1.0}, {"bad": {"x": [1]}, "good": 2.0}],
        "bad",
        "x[0]: mixed types",
    ),
    "two": (
        pd.DataFrame({"bad": np.array([1], "uint64"), "worse": [1j], "good": [1.0]}),
        "worse",
        "imaginary",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_errors_are_shown_among_all_columns_without_yaml(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inputs, path, remedy = REFUSED[case]
    with pytest.raises(SignError) as caught:
        given(inputs, write="c.yaml").run(tmp_path)
    out = capsys.readouterr().out
    shown = lines(out)
    assert "error: " in shown[path]
    assert remedy in shown[path]
    assert shown["good"].split()[1] == "double"
    assert "Plain MLflow would sign this data" in out
    assert "inputs:\n" not in out
    assert not Path("c.yaml").exists()
    assert caught.value.exit_status == 1


def test_a_column_of_unknown_type_is_an_error_next_to_valid_ones(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = pd.DataFrame({"bad": [1, "x"], "empty": [None, None]})
    with pytest.raises(SignError):
        given(frame).run(tmp_path)
    assert "error: cannot infer a type" in lines(capsys.readouterr().out)["empty"]


def test_an_allowed_any_has_a_remark(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = pd.DataFrame({"empty": [None, None], "good": [1.0, 2.0]})
    given(frame, signer=InferSigner(on_any="warn")).run(tmp_path)
    out = capsys.readouterr().out
    assert "plain MLflow signs this silently" in lines(out)["empty"]
    assert "warning: the type any is inferred for inputs: empty" in out


def test_errors_of_params_and_outputs_are_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SignError):
        given([{"a": 1.0}], params={"k": None, "n": 3}).run(tmp_path)
    assert "error: " in lines(capsys.readouterr().out)["k"]


def test_other_signers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    task(signer=ExplicitSigner(inputs={"a": "double", "b?": "double"}, outputs="float64[-1]")).run(
        tmp_path
    )
    out = capsys.readouterr().out
    assert lines(out)["b"].split()[:3] == ["b", "double", "no"]
    assert "outputs (declared, not predicted)" in out
    rows = [{"a": 1.0, "b": 2.0}]
    task(data=InlineData(inputs=rows, form="records"), model=Hinted(), signer=TypeHintSigner()).run(
        tmp_path
    )
    assert "outputs: [double]" in capsys.readouterr().out
    task(signer=ExampleSigner(n_rows=2), outputs=True).run(tmp_path)
    assert "outputs: float64[-1]" in capsys.readouterr().out


def test_violations_of_a_written_signature_are_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"a": "x", "b": 1.0}, {"a": "y", "b": 2.0}, {"a": "z", "b": 2.0}, {"a": 1.0, "b": 2.0}]
    with pytest.raises(SignError):
        given(rows, signer=ExplicitSigner(inputs={"a": "double", "b": "double", "c": "long"})).run(
            tmp_path
        )
    shown = lines(capsys.readouterr().out)
    assert "error: row 0: expected double, got str 'x'" in shown["a"]
    assert "and 1 more" in shown["a"]
    assert "error" not in shown["b"]
    assert "error" in shown["c"]


class TestWriting:
    @pytest.mark.slow
    def test_the_file_composes_as_a_contract(
        self, houses: list[str], modelpact: CommandRunner
    ) -> None:
        frozen = modelpact(
            *houses,
            "data.columns=[area]",
            "task.outputs=true",
            "task.write=conf/contract/houses.yaml",
        )
        assert frozen.status == 0, frozen.err
        assert (
            "wrote conf/contract/houses.yaml\nuse it: --config-dir conf signer=explicit contract=houses"
            in frozen.out
        )
        chosen = ("saver.pip_requirements=[scikit-learn]", "signer=explicit", "contract=houses")
        ended = modelpact("--config-dir", "conf", *houses[1:], "data.columns=[area]", *chosen)
        assert "registered houses version 1" in ended.out, ended.err
        assert load("conf/contract/houses.yaml").outputs is not None

    def test_an_equal_contract_is_not_rewritten(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        Path("c.yaml").write_text("# mine\ninputs: {a: double, b: double}\n")
        task(write="c.yaml").run(tmp_path)
        assert Path("c.yaml").read_text().startswith("# mine\n")
        assert "unchanged: c.yaml" in capsys.readouterr().out

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("inputs: {a: long}\n", "contains another contract"),
            ("x: [", "exists and is not a contract"),
            ("", "exists and is not a contract"),
        ],
    )
    def test_another_contract_is_replaced_only_with_overwrite(
        self, text: str, message: str, tmp_path: Path
    ) -> None:
        Path("c.yaml").write_text(text)
        with pytest.raises(ConfigError, match=message):
            task(write="c.yaml").run(tmp_path)
        assert Path("c.yaml").read_text() == text
        task(write="c.yaml", overwrite=True).run(tmp_path)
        assert load("c.yaml") == parse({"inputs": {"a": "double", "b": "double"}})

    @pytest.mark.parametrize("place", ["c.txt", "c", "there.yaml", "file/c.yaml"])
    def test_a_file_that_cannot_be_written(self, place: str, tmp_path: Path) -> None:
        Path("there.yaml").mkdir()
        Path("file").touch()
        with pytest.raises(ConfigError, match=r"task.write="):
            task(write=place).run(tmp_path)

    @pytest.mark.parametrize(
        "spec",
        [
            {
                "inputs": {
                    "1e3": "double",
                    "nan": "long",
                    "on": "string",
                    "a b": "long",
                    "ü": "long",
                    "null": "long",
                    "~": "long",
                }
            },
            {
                "inputs": {
                    "author": {"name": "string", "orcid?": "string"},
                    "tags?": ["string"],
                    "m": {"*": "double"},
                }
            },
            {
                "inputs": ["double", "long"],
                "params": {"stop": "[string] = []", "t": "double = 0.5", "x": "double = NaN"},
            },
            {"inputs": {"image": "float32[-1, 3]"}, "outputs": "float64[-1]"},
            {"inputs": [{"name": "a?", "type": "long"}, {"name": "b", "type": "double"}]},
        ],
    )
    def test_hydra_and_modelpact_read_the_same(self, spec: dict[str, Any]) -> None:
        from omegaconf import OmegaConf

        written = parse(spec)
        write_contract(Path("c.yaml"), written, "a comment", overwrite=False)
        assert digest(load("c.yaml")) == digest(written)
        assert digest(
            parse(OmegaConf.to_container(OmegaConf.load("c.yaml"), resolve=True))
        ) == digest(written)

    def test_an_interpolation_in_a_contract_is_rejected(self) -> None:
        with pytest.raises(SpecError, match="interpolation"):
            write_contract(
                Path("c.yaml"), parse({"inputs": {"${oc.env:HOME}": "long"}}), "", overwrite=False
            )
        assert not Path("c.yaml").exists()

    def test_one_line_per_column(self) -> None:
        text = contract_yaml(parse({"inputs": {"a": {"b": [{"c": "long"}]}, "d?": "float"}}))
        assert text == "inputs:\n  a: {b: [{c: long}]}\n  d?: float\n"


ERRORS: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "an unfitted model": ({"signer": ExampleSigner()}, ConfigError, "task.outputs=true"),
    "no hints": ({"signer": TypeHintSigner()}, SignError, "no type hint"),
    "no contract": ({"signer": ExplicitSigner()}, SignError, "no written signature"),
    "a malformed contract": (
        {"signer": ExplicitSigner(inputs={"a": "duoble"})},
        SpecError,
        "double",
    ),
    "a failing fit": (
        {"model": Faulty(fails_in="fit"), "outputs": True},
        FitError,
        "broken in fit",
    ),
    "a failing predict": (
        {"model": Faulty(fails_in="predict"), "outputs": True},
        PredictError,
        "broken in predict",
    ),
    "no rows": ({"data": InlineData(inputs=[])}, DataError, "no rows"),
}


@pytest.mark.parametrize("case", ERRORS)
def test_errors(case: str, tmp_path: Path) -> None:
    changes, kind, text = ERRORS[case]
    with pytest.raises(kind, match=text):
        task(**changes).run(tmp_path)


def test_a_table_on_a_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    given([{"[red]a": 1}]).run(tmp_path)
    out = capsys.readouterr().out
    assert "[red]a" in out
    assert "integers_as" in out


def test_maps_are_described() -> None:
    schema = parse({"inputs": {"m": {"*": {"x": "long"}}}}).inputs
    found = [
        line.path for line in describe_schema(schema, [{"m": {"k": {"x": 3}}}], check_integers=True)
    ]
    assert found == ["m", "m.*.x"]
