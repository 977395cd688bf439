from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from modelpact.cli.tasks import PublishTask, Task
from modelpact.errors import FitError
from tests.support.publishing import numbers, receipt, steps, versions
from tiny_models import Doubler, Faulty


def test_the_base_class_is_abstract() -> None:
    with pytest.raises(TypeError, match="abstract"):
        Task()  # type: ignore[abstract]


def test_returns_the_first_metric(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    task = PublishTask(
        **steps(
            data=numbers(metrics=["neg_median_absolute_error", "r2"]), model=Doubler(factor=1.0)
        )
    )
    objective = task.run(tmp_path / "out")
    written = receipt(tmp_path / "out")
    assert objective == written["metrics"]["neg_median_absolute_error"]
    assert list(written["metrics"]) == ["neg_median_absolute_error", "r2"]
    assert "registered sums version 1" in capsys.readouterr().out


def test_returns_none_without_metrics(tmp_path: Path) -> None:
    assert PublishTask(**steps(data=numbers())).run(tmp_path) is None


def test_a_failure_writes_its_receipt_and_is_raised(tmp_path: Path) -> None:
    with pytest.raises(FitError):
        PublishTask(**steps(model=Faulty(fails_in="fit"))).run(tmp_path)
    assert receipt(tmp_path)["stage"] == "fit"
    assert versions() == []


@pytest.mark.parametrize(
    "change", [{"saver": "custom"}, {"register": None}, {"extra": 1}, {"name": 3}]
)
def test_wrong_types_are_rejected(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        PublishTask(**steps(**change))


@pytest.mark.parametrize("missing", ["data", "register", "name"])
def test_every_step_is_required(missing: str) -> None:
    chosen = steps()
    del chosen[missing]
    with pytest.raises(ValidationError, match=missing):
        PublishTask(**chosen)
