"""Every bad input ends in one error with a remedy, or is rightly accepted."""

from __future__ import annotations

import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from sklearn.linear_model import Ridge

from tests.support.bad_inputs import (
    accepted,
    file_cases,
    model_cases,
    outcomes,
    place,
    value_cases,
)
from tests.support.bad_inputs.commands import ComposedCommands
from tests.support.bad_inputs.outcomes import Case
from tests.support.commands import CommandRunner, modelpact
from tests.support.many_cases import sample_cases, unique_cases

__all__ = ["modelpact"]

CASES = unique_cases(
    [
        *file_cases.file_cases(),
        *file_cases.folder_cases(),
        *value_cases.value_cases(),
        *value_cases.type_cases(),
        *model_cases.model_cases(),
    ]
)

RunCases = Callable[[Mapping[str, Case]], None]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Path:
    """The folder with all files, models and the store."""
    folder = tmp_path_factory.mktemp("bad")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("MODELPACT_CACHE", str(cache))
        place.prepare(folder)
    (folder / "outputs" / "tmp").mkdir(parents=True)
    return folder


@pytest.fixture
def run_cases(folder: Path, modelpact: CommandRunner, monkeypatch: pytest.MonkeyPatch) -> RunCases:
    """Runs cases, and fails with the outcome of each that ends in neither of the two ways."""
    fitted: list[object] = []
    fit = Ridge.fit

    def observed(*arguments: Any, **options: Any) -> Any:
        fitted.append(arguments)
        return fit(*arguments, **options)

    monkeypatch.chdir(folder)
    monkeypatch.setattr(tempfile, "tempdir", str(folder / "outputs" / "tmp"))
    monkeypatch.setattr(Ridge, "fit", observed)
    command = ComposedCommands(modelpact)

    def run(cases: Mapping[str, Case]) -> None:
        found: dict[str, outcomes.Outcome] = {}
        with warnings.catch_warnings():
            # Hydra warns of search paths that do not exist, and MLflow of models.
            warnings.simplefilter("ignore")
            for name, case in cases.items():
                fitted.clear()
                found[name] = outcomes.run(case, folder, command, lambda: bool(fitted))
        right = {"one error", "accepted"}
        wrong = {name: found[name] for name in found if found[name].kind not in right}
        counts = Counter(outcome.kind for outcome in found.values())
        sys.stdout.write(f"bad inputs by outcome: {dict(counts)}\n")
        lines = [f"{name}: {one.kind}: {one.text[-600:]}" for name, one in wrong.items()]
        assert not wrong, "\n".join([str(dict(counts)), *lines])

    return run


def classified(cases: Mapping[str, Case]) -> dict[str, Case]:
    """Return the cases with what is expected of each."""
    return {
        name: Case(
            case.arguments,
            case.call,
            case.names,
            accepted=accepted.find_reason(name),
            fits=accepted.shows_late(name),
        )
        for name, case in cases.items()
    }


def test_the_list_is_long() -> None:
    assert len(CASES) >= 2000


@pytest.mark.parametrize(
    "every",
    [
        480,
        pytest.param(24, marks=pytest.mark.slow),
        pytest.param(1, marks=pytest.mark.exhaustive),
    ],
)
def test_every_bad_input_has_one_answer(every: int, run_cases: RunCases) -> None:
    run_cases(classified(sample_cases(CASES, every=every)))
