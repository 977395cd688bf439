from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from modelpact import publish
from modelpact.cli.tasks import ParityTask
from modelpact.errors import ConfigError, LoadError, VerifyError
from modelpact.loaders import CustomLoader
from modelpact.tracking import SqliteTracking
from tests.support.commands import CommandRunner, modelpact
from tests.support.many_cases import sample_params
from tests.support.publishing import not_none, steps

__all__ = ["modelpact"]  # the fixture


def task(**changes: Any) -> ParityTask:
    settings: dict[str, Any] = {
        "uri": "models:/sums/1",
        "payloads": 10,
        "loader": CustomLoader(),
        "tracking": SqliteTracking(),
    }
    return ParityTask(**{**settings, **changes})


@pytest.mark.slow
def test_a_table_and_a_report(modelpact: CommandRunner) -> None:
    publish(**steps())
    ended = modelpact(
        "task=parity",
        "task.uri=models:/sums/latest",
        "task.payloads=20",
        "task.report=made/parity.json",
    )
    assert ended.status == 0, ended.err
    lines = ended.out.splitlines()
    assert (
        lines[0]
        == "models:/sums/1: 20 payloads: the stored example, 6 of its rows, 7 valid, 6 invalid in 3 ways"
    )
    assert [line.split()[0] for line in lines[2:6]] == [
        "python",
        "pyfunc",
        "predict",
        "invocations",
    ]
    assert lines[-1] == "0 unexplained differences"
    report = json.loads(Path("made/parity.json").read_text(encoding="utf-8"))
    assert (report["payloads"], report["unexplained"]) == (20, 0)


@pytest.mark.slow
def test_an_unexplained_difference_fails(
    modelpact: CommandRunner, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from modelpact.serving import app

    publish(**steps())
    monkeypatch.setattr(app, "to_json", lambda value: None)
    ended = modelpact(
        "task=parity",
        "task.uri=models:/sums/1",
        "task.payloads=4",
        "task.max_shown=1",
        "task.report=parity.json",
    )
    assert ended.status == 1
    assert "unexplained, 1 of them shown" in ended.out
    assert "0        example  predict" in ended.out
    assert ended.err.startswith("error: models:/sums/1 gives different results: ")
    assert json.loads(Path("parity.json").read_text(encoding="utf-8"))["unexplained"] > 1


class TestRefusals:
    def test_a_model_that_does_not_exist(self) -> None:
        with pytest.raises(LoadError, match=r"the store mlflow\.db does not exist"):
            task().run(Path())
        publish(**steps())
        with pytest.raises(LoadError, match="cannot find"):
            task(uri="models:/sums/2").run(Path())

    def test_a_report_that_cannot_be_written(self) -> None:
        Path("folder").mkdir()
        with pytest.raises(ConfigError, match=r"task\.report=folder is a folder"):
            task(report="folder").run(Path())

    @pytest.mark.parametrize(
        "wrong",
        sample_params(
            ["task.payloads=0", "task.payloads=many", "task.seed=-1", "task.max_shown=0"], every=2
        ),
    )
    def test_invalid_numbers(self, modelpact: CommandRunner, wrong: str) -> None:
        ended = modelpact("task=parity", "task.uri=models:/sums/1", wrong)
        assert ended.status == 2
        assert wrong.partition("=")[0] in ended.err

    def test_the_error_has_the_comparison(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from modelpact.serving import app

        publish(**steps())
        monkeypatch.setattr(app, "to_json", lambda value: None)
        with pytest.raises(VerifyError) as raised:
            task(payloads=1).run(Path())
        assert not_none(raised.value.parity).unexplained
