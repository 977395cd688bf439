"""The Ray and Spark engines, in a virtual environment with both extras, predict the same as the local engine."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from modelpact.errors import ConfigError
from modelpact.loaders import Adapter
from tests.support import environments
from tests.support.batch_runs import run_batch
from tests.support.commands import CommandRunner, modelpact
from tests.support.many_cases import sample_params

__all__ = ["modelpact"]  # the fixture


def numbers(n_rows: int = 4000) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "id": range(n_rows),
            "a": rng.random(n_rows),
            "b": rng.random(n_rows),
            "n": rng.integers(9, size=n_rows),
        }
    )


@pytest.fixture(scope="module")
def programs() -> Path:
    """Return the `bin` folder of an environment with both engines."""
    return environments.extras()


# All engines read the parts with the same code, so one format per engine is a sample.
GIVEN = [
    ("ray", "csv"),
    ("spark", "parquet"),
    pytest.param("ray", "parquet", marks=pytest.mark.exhaustive),
    pytest.param("spark", "csv", marks=pytest.mark.exhaustive),
]


@pytest.mark.slow
class TestEngines:
    @pytest.fixture(autouse=True)
    def java(self, engine: str) -> None:
        """Spark is a program for Java."""
        if engine == "spark" and shutil.which("java") is None:
            pytest.skip("there is no java on this machine")

    @pytest.mark.parametrize(("engine", "given"), GIVEN)
    def test_predictions_equal_those_of_the_local_engine(
        self, engine: str, given: str, programs: Path, table: Adapter
    ) -> None:
        rows = numbers() if given == "parquet" else broken()
        getattr(rows, f"to_{given}")(f"in.{given}", index=False)
        run_batch(
            table, f"in.{given}", "local.parquet", keep=("id",), batch_size=100, on_error="reject"
        )
        more = ["task.keep=[id]", "task.batch_size=100", "task.on_error=reject", "task.workers=2"]
        ended = predict(
            programs, table, f"data={given}", f"data.path=in.{given}", engine, "out.parquet", *more
        )
        assert ended.returncode == 0, ended.stderr
        pd.testing.assert_frame_equal(
            pd.read_parquet("local.parquet"), pd.read_parquet("out.parquet")
        )
        rejects = [Path(f"{name}.rejects.jsonl") for name in ("local", "out")]
        assert [path.exists() for path in rejects] == [given == "csv"] * 2
        if given == "csv":
            assert rejects[0].read_text() == rejects[1].read_text()

    # Each start of an engine takes half a minute.
    @pytest.mark.exhaustive
    @pytest.mark.parametrize("engine", ["ray", "spark"])
    def test_errors_equal_those_of_the_local_engine(
        self, engine: str, programs: Path, table: Adapter
    ) -> None:
        broken().to_csv("in.csv", index=False)
        ended = predict(programs, table, "data=csv", "data.path=in.csv", engine, "out.csv")
        assert ended.returncode == 1
        assert "row 7, n: expected long, got float64 0.5 (LOSSY)" in ended.stderr
        assert "Traceback" not in ended.stderr
        assert not Path("out.csv").exists()


def broken() -> pd.DataFrame:
    """Rows of which two break the contract."""
    rows = numbers().astype({"n": object, "a": object})
    rows.loc[7, "n"] = 0.5
    rows.loc[3999, "a"] = "x"
    return rows


def predict(programs: Path, model: Adapter, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the task with an engine."""
    *data, engine, out = arguments[:4]
    task = [
        "task=predict",
        f"task.uri={model.folder}",
        f"task.out={out}",
        f"task.engine={engine}",
        *data,
        *arguments[4:],
    ]
    return subprocess.run(
        [str(programs / "modelpact"), *task], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(("engine", "package"), [("ray", "ray"), ("spark", "pyspark")])
def test_a_missing_engine_is_named_with_the_command_to_install_it(
    engine: str, package: str, table: Adapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    pd.DataFrame({"a": [1.0], "b": [1.0], "n": [1]}).to_csv("in.csv", index=False)
    with pytest.raises(
        ConfigError, match=rf'task\.engine={engine}: (.|\n)*pip install "modelpact\[{engine}\]"'
    ):
        run_batch(table, "in.csv", "out.csv", engine=engine)
    assert [path.name for path in Path().iterdir()] == ["in.csv"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    sample_params(
        [
            (("task.keep=[a,a]",), "task.keep repeats a column"),
            (("task.engine=ray", "task.processes=2"), "task.processes requires task.engine=local"),
            (("task.address=auto",), "task.address requires task.engine=ray"),
            (("task.workers=2", "task.processes=2"), "cannot be combined"),
            (("task.workers=0",), "task.workers"),
            (("task.batch_size=0",), "task.batch_size"),
            (("task.on_error=skip",), "task.on_error"),
            (("task.out=out.txt",), "unknown format"),
            (("task.engine=dask",), "task.engine"),
        ],
        every=3,
    ),
)
def test_incompatible_options(
    modelpact: CommandRunner, arguments: tuple[str, ...], message: str
) -> None:
    Path("in.csv").write_text("a\n1\n")
    given = ["task.uri=models:/m/1", "task.out=out.csv", "data=csv", "data.path=in.csv"]
    ended = modelpact("task=predict", *given, *arguments)
    assert ended.status == 2, ended.err
    assert message in ended.err


def test_missing_options(modelpact: CommandRunner) -> None:
    assert "task.uri is required" in modelpact("task=predict", "task.out=out.csv").err
    assert "task.out is required" in modelpact("task=predict", "task.uri=models:/m/1").err
    ended = modelpact("task=predict", "task.uri=models:/m/1", "task.out=out.csv")
    assert (ended.status, "the store mlflow.db does not exist" in ended.err) == (1, True)


@pytest.mark.slow
def test_on_the_command_line(modelpact: CommandRunner, table: Adapter) -> None:
    pd.DataFrame({"id": ["x", "y"], "a": [1.0, "?"], "b": [1.0, 2.0], "n": [1, 2]}).to_csv(
        "in.csv", index=False
    )
    task = [
        "task=predict",
        f"task.uri={table.folder}",
        "data=csv",
        "data.path=in.csv",
        "task.out=out.jsonl",
        "task.keep=[id]",
    ]
    ended = modelpact(*task)
    assert (ended.status, "row 1, a: expected double, got str '?'" in ended.err) == (1, True)
    ended = modelpact(*task, "task.on_error=reject")
    assert ended.status == 0, ended.err
    assert "predicted 1 rows of in with" in ended.out
    assert "1 row rejected into out.rejects.jsonl" in ended.out
