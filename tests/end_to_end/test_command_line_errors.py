"""Invalid input on the command line: message, remedy and exit status are right, and nothing is registered."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_mock import MockerFixture

from tests.support.commands import CommandResult, CommandRunner, modelpact
from tests.support.many_cases import sample_params
from tests.support.publishing import client

__all__ = ["modelpact"]  # the fixture

QUICK = ("saver.pip_requirements=[scikit-learn]",)


def registered() -> list[str]:
    """Return the registered models; none if the store does not exist."""
    return (
        [model.name for model in client().search_registered_models()]
        if Path("mlflow.db").exists()
        else []
    )


@pytest.fixture
def files() -> None:
    """Tables, good and bad."""
    rows = "".join(f"{n},{n * 2},{n * 3}\n" for n in range(10))
    Path("good.csv").write_text("a,b,price\n" + rows)
    Path("header.csv").write_text("a,b,price\n")
    Path("empty.csv").write_text("")
    Path("ragged.csv").write_text('a,b\n1,2\n3,4,5,6\n"x')
    Path("binary.csv").write_bytes(b"a,b\n\xff\xfe\x00\x81,1\n")
    Path("words.csv").write_text("a,b,price\n" + "".join(f"word{n},{n},{n}\n" for n in range(10)))
    Path("folder.csv").mkdir()


CSV = ("data=csv", "data.target=price")

CASES: dict[str, tuple[tuple[str, ...], int, tuple[str, ...]]] = {
    "an unknown option": (
        ("signer=infr",),
        2,
        ("unknown signer 'infr'", "did you mean 'infer'?", "example, explicit, infer, type_hint"),
    ),
    "a working directory per job": (
        ("-m", "seed=0,1", "hydra.job.chdir=true"),
        1,
        ("hydra.job.chdir=true", "Remove it"),
    ),
    "an unknown recipe": (
        ("experiment=tensr",),
        2,
        ("unknown experiment 'tensr'", "did you mean 'tensor'?", "tabular, tensor, type_hints"),
    ),
    "an unknown contract": (
        ("contract=diabtes", "signer=explicit"),
        2,
        ("unknown contract 'diabtes'", "did you mean 'diabetes'?"),
    ),
    "an unknown group": (("singer=infer",), 2, ("singer", "did you mean 'signer'?")),
    "an extra key": (
        ("signer.onany=warn",),
        2,
        ("signer.onany", "did you mean 'on_any'?", "on_any, self_check"),
    ),
    "an extra key that is added": (
        ("+signer.onany=warn",),
        2,
        ("signer.onany", "did you mean 'on_any'?"),
    ),
    "an unknown key at the top": (("nme=x",), 2, ("nme", "did you mean 'name'?")),
    "a tag without a plus": (
        ("register.tags.team=lab",),
        2,
        ("register.tags.team", "+register.tags.team=..."),
    ),
    "a missing key": (("data=csv",), 2, ("data.path is required", "data.path=...")),
    "a missing uri": (("model=mlflow",), 2, ("model.uri is required",)),
    "a wrong type": (("data.test_size=half",), 2, ("data.test_size", "'half'")),
    "a wrong choice": (
        ("signer.on_any=maybe",),
        2,
        ("signer.on_any", "'error', 'warn' or 'allow'", "'maybe'"),
    ),
    "a value out of range": (("data.test_size=1.5",), 2, ("data.test_size", "1.5")),
    "a broken override": (("data.columns=[a",), 2, ("data.columns=[a", "Quote")),
    "an estimator that does not exist": (
        ("model.estimator._target_=sklearn.linear_model.Rigde",),
        2,
        ("Rigde",),
    ),
    "an argument the estimator lacks": (("+model.estimator.alfa=2",), 2, ("alfa",)),
    "a malformed signature": (
        ("signer=explicit", "signer.inputs={a: duoble}"),
        2,
        ("duoble", "'double'"),
    ),
    "a missing data file": (
        (*CSV, "data.path=none.csv"),
        1,
        ("none.csv does not exist", "data.path is relative to"),
    ),
    "a folder for a file": ((*CSV, "data.path=folder.csv"), 1, ("folder.csv is a folder",)),
    "an empty file": ((*CSV, "data.path=empty.csv"), 1, ("empty.csv is empty",)),
    "an empty data set": ((*CSV, "data.path=header.csv"), 1, ("header.csv has no rows",)),
    "no inline rows": (("data=inline", "data.inputs=[]"), 1, ("no rows",)),
    "an unreadable CSV": (
        ("data=csv", "data.path=ragged.csv"),
        1,
        ("ragged.csv, line 4: a quote is not closed", "data.quote=null"),
    ),
    "a CSV that is no text": (
        ("data=csv", "data.path=binary.csv"),
        1,
        ("binary.csv, line 2: column 'a', expected UTF-8 text", "data.encoding"),
    ),
    "a Parquet file that is none": (
        ("data=parquet", "data.path=good.csv"),
        1,
        (
            "good.csv cannot be read",
            "Parquet",
        ),
    ),
    "a missing target": (
        ("data=csv", "data.path=good.csv", "data.target=prize"),
        1,
        ("'prize'", "did you mean 'price'?", "a, b, price"),
    ),
    "a missing column": (
        (*CSV, "data.path=good.csv", "data.columns=[a,c]"),
        1,
        ("'c'", "data.columns", "a, b, price"),
    ),
    "too few rows": (
        ("data=inline", "data.inputs=[{a: 1.0}]", "data.targets=[1.0]"),
        1,
        ("data.test_size",),
    ),
    "a model that raises in fit": (
        (*CSV, "data.path=words.csv"),
        1,
        ("fit failed", "word", "The data has text in "),
    ),
    "a metric that does not exist": (("data.metrics=[r3]",), 2, ("r3",)),
    "no written signature": (
        (*CSV, "data.path=good.csv", "signer=explicit"),
        1,
        ("no written signature", "contract=", "signer.inputs="),
    ),
    "a signature that the data break": (
        ("signer=explicit", "signer.outputs=string"),
        1,
        ("the data violates its signature",),
    ),
    "a signer that needs hints": (("signer=type_hint",), 1, ("no type hint", "signer=infer")),
    "an unreachable server": (
        ("tracking=server", "tracking.uri=http://127.0.0.1:1"),
        1,
        ("cannot connect to", "mlflow server"),
    ),
    "no server's address": (
        ("tracking=server", "tracking.uri=nowhere"),
        2,
        ("tracking.uri='nowhere'", "http://"),
    ),
    "no SQLite address": (
        ("tracking.uri=mlflow.db",),
        2,
        ("tracking.uri='mlflow.db'", "sqlite:///mlflow.db"),
    ),
    "a file that is no database": (
        ("tracking.uri=sqlite:///good.csv",),
        1,
        ("good.csv is not a readable SQLite database",),
    ),
    "a bad model name": (("name=a/b",), 2, ("name='a/b'", "name=my-model")),
    "a bad alias": (("register.aliases=[latest]",), 2, ("register.aliases", "'latest'")),
    "a bad model URI": (
        ("model=mlflow", "model.uri=models:/nothing/1"),
        1,
        ("models:/nothing/1", "models:/name/1"),
    ),
    "a flavor that does not exist": (
        ("saver=builtin", "saver.flavor=sklern"),
        1,
        ("'sklern'", "did you mean 'sklearn'?"),
    ),
    "a flavor that takes another model": (
        ("saver=builtin", "saver.flavor=xgboost"),
        1,
        ("'xgboost'", "SklearnModel", "saver=custom"),
    ),
    "a model of no flavor": (
        ("experiment=type_hints", "saver=builtin"),
        1,
        ("IrisModel does not fit any MLflow flavor", "saver=custom"),
    ),
    "a loader for another saver": (
        ("saver=builtin", "loader=custom", *QUICK),
        1,
        ("loader=builtin",),
    ),
    "a model configuration that does not exist": (
        ("saver.config_file=none.json",),
        2,
        ("none.json does not exist",),
    ),
}


def check(ended: CommandResult, status: int, parts: tuple[str, ...]) -> None:
    """Check the exit status and that the message is short and has the given parts."""
    assert ended.status == status, ended.err
    for part in parts:
        assert part in ended.err
    assert "Traceback" not in ended.err
    assert len(ended.err.splitlines()) <= 8, ended.err
    assert ended.out == ""
    assert registered() == []


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("case", sample_params(CASES, every=3))
def test_invalid_input_is_explained_and_nothing_is_registered(
    case: str, modelpact: CommandRunner
) -> None:
    arguments, status, parts = CASES[case]
    check(modelpact(*arguments), status, parts)


def test_a_model_that_raises_in_predict_is_reported(
    modelpact: CommandRunner, mocker: MockerFixture
) -> None:
    mocker.patch("sklearn.linear_model.Ridge.predict", side_effect=RuntimeError("no answer"))
    check(modelpact(*QUICK), 1, ("predict failed: RuntimeError: no answer",))


def test_an_output_folder_that_is_not_writable_is_reported(modelpact: CommandRunner) -> None:
    check(modelpact("hydra.run.dir=/proc/nowhere"), 1, ("/proc", "cannot write", "hydra.run.dir"))


def test_a_store_in_a_folder_that_is_not_writable_is_reported(modelpact: CommandRunner) -> None:
    check(
        modelpact("tracking.uri=sqlite:////proc/nowhere/mlflow.db"),
        1,
        ("cannot create the store /proc/nowhere/mlflow.db", "tracking.uri"),
    )
