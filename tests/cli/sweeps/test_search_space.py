"""Search spaces; and sweeps with an Optuna study, if Optuna is installed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from modelpact.cli.sweeps.search_space import Categorical, NumericRange, SearchSpace
from modelpact.errors import ConfigError
from tests.support.commands import CommandRunner, modelpact
from tests.support.publishing import client, versions

__all__ = ["modelpact"]  # the fixture


def space(*lines: str) -> SearchSpace:
    return SearchSpace.read(OverridesParser.create().parse_overrides(list(lines)))


@pytest.mark.parametrize(
    ("written", "axis"),
    [
        ("a,b", Categorical(("a", "b"))),
        ("choice(a,b,a)", Categorical(("a", "b"))),
        (
            "choice(1,2.5,true,'x y',[1,2],{k:1})",
            Categorical(("1", "2.5", "True", "x\\ y", "[1,2]", "{k:1}")),
        ),
        ("range(1,4)", NumericRange(1, 3, step=1)),
        ("range(1,10,4)", NumericRange(1, 9, step=4)),
        ("range(0,1,0.25)", NumericRange(0.0, 0.75, step=0.25)),
        ("range(0,1.01,0.1)", NumericRange(0.0, 1.0, step=0.1)),
        ("range(5,0,-2)", NumericRange(1, 5, step=2)),
        ("tag(log,range(1,100))", NumericRange(1, 99, step=1, log=True)),
        ("interval(0,1)", NumericRange(0.0, 1.0)),
        ("tag(log, interval(0.01, 10))", NumericRange(0.01, 10.0, log=True)),
        ("int(interval(1,5))", NumericRange(1, 5)),
    ],
)
def test_overrides_of_hydra_define_a_search_space(
    written: str, axis: Categorical | NumericRange
) -> None:
    found = space(f"x={written}").axes["x"]
    assert found == axis
    if isinstance(found, NumericRange):
        assert [type(found.low), type(found.high)] == [type(axis.low), type(axis.high)]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("model=glob(*)", "cannot search over a glob"),
        ("x=tag(lgo, interval(1,2))", "unsupported tag lgo"),
        ("x=tag(log, choice(1,2))", "unsupported tag log"),
        ("x=tag(log, interval(0,2))", "must be greater than 0"),
        ("x=interval(2,1)", "the range is empty"),
        ("x=range(3,3)", "the range is empty"),
        ("x=tag(log, range(1,10,2))", "a logarithmic range cannot have steps"),
        ("x=1", "has no varying override"),
    ],
)
def test_overrides_that_cannot_be_searched_are_rejected(line: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        space(line)


def test_overrides_keep_their_order_and_the_last_duplicate_is_used() -> None:
    found = space("a=1,2", "b=fixed", "c=range(0,1,0.1)", "a=interval(0,1)", "+d=x,y")
    assert found.overrides({"a": 0.5, "c": 0.30000000000000004, "+d": "x"}) == [
        "a=0.5",
        "b=fixed",
        "c=0.3",
        "+d=x",
    ]


def test_corners_cover_every_choice_and_both_ends_of_ranges() -> None:
    assert space("a=x,y,z", "b=interval(0,1)", "c=1").corners() == [
        ["a=x", "b=0.0", "c=1"],
        ["a=y", "b=0.0", "c=1"],
        ["a=z", "b=0.0", "c=1"],
        ["a=x", "b=1.0", "c=1"],
    ]


def test_a_grid_has_the_jobs_of_a_sweep_without_optuna() -> None:
    found = space("a=x,y", "b=range(1,7,2)", "c=range(0,0.3,0.1)")
    jobs = [found.overrides(values) for values in found.grid()]
    assert jobs[:4] == [["a=x", "b=1", f"c={c}"] for c in ("0.0", "0.1", "0.2")] + [
        ["a=x", "b=3", "c=0.0"]
    ]
    assert len(jobs) == 18
    with pytest.raises(ConfigError, match="b has infinitely many values"):
        space("a=x,y", "b=interval(0,1)").grid()


class TestWithOptuna:
    BASE = (
        "-m",
        "hydra/sweeper=optuna",
        "saver.pip_requirements=[scikit-learn]",
        "hydra.sweeper.seed=0",
    )

    @pytest.fixture(autouse=True)
    def _optuna(self) -> None:
        pytest.importorskip("optuna")

    def study(self) -> Any:
        import optuna

        return optuna.load_study(study_name=None, storage="sqlite:///optuna.db")

    def folder(self) -> Path:
        (found,) = Path().glob("multirun/*/*")
        return found

    @pytest.mark.parametrize(
        "axis",
        [
            Categorical(("a", "b")),
            NumericRange(1, 9, step=4),
            NumericRange(0.01, 10.0, log=True),
            NumericRange(1, 5),
        ],
    )
    def test_each_axis_is_a_distribution_with_its_bounds(
        self, axis: Categorical | NumericRange
    ) -> None:
        distribution = axis.distribution()
        assert all(
            distribution._contains(distribution.to_internal_repr(end)) for end in axis.extremes()
        )

    def test_a_grid_is_exhausted_despite_failures(self, modelpact: CommandRunner) -> None:
        arguments = [
            *self.BASE,
            "hydra.sweeper.n_trials=null",
            "hydra.sweeper.sampler=grid",
            "hydra.sweeper.n_jobs=2",
        ]
        ended = modelpact(*arguments, "model.estimator.alpha=-1.0,1.0,2.0")
        assert ended.status == 1
        assert "1 of 3 jobs failed" in ended.err
        assert versions("diabetes") == [1, 2]
        assert [(trial.state.name, trial.user_attrs) for trial in self.study().trials] == [
            ("FAIL", {"modelpact.job": 0}),
            ("COMPLETE", {"modelpact.job": 1}),
            ("COMPLETE", {"modelpact.job": 2}),
        ]
        again = modelpact(
            *arguments,
            "model.estimator.alpha=-1.0,1.0,2.0",
            "resume=true",
            f"hydra.sweep.dir={self.folder()}",
        )
        assert again.status == 1
        assert versions("diabetes") == [1, 2]
        assert [
            (trial.state.name, trial.user_attrs["modelpact.job"]) for trial in self.study().trials
        ][3:] == [("FAIL", 0)]

    def test_repeated_values_are_separate_jobs(self, modelpact: CommandRunner) -> None:
        ended = modelpact(
            *self.BASE, "hydra.sweeper.n_trials=3", "model.estimator.alpha=choice(1.0)"
        )
        assert ended.status == 0, ended.err
        assert versions("diabetes") == [1, 2, 3]
        receipts = [
            json.loads(path.read_text()) for path in sorted(self.folder().glob("*/receipt.json"))
        ]
        assert [one["job"] for one in receipts] == [0, 1, 2]

    def test_a_minimizing_study_can_be_extended(self, modelpact: CommandRunner) -> None:
        arguments = [
            *self.BASE,
            "hydra.sweeper.direction=minimize",
            "sweep.promote=champion",
            "model.estimator.alpha=interval(1,9)",
        ]
        first = modelpact(*arguments, "hydra.sweeper.n_trials=2")
        assert first.status == 0, first.err
        ended = modelpact(
            *arguments,
            "hydra.sweeper.n_trials=4",
            "resume=true",
            f"hydra.sweep.dir={self.folder()}",
        )
        assert ended.status == 0, ended.err
        trials = self.study().trials
        assert (
            len({trial.params["model.estimator.alpha"] for trial in trials}) == 4
        )  # no stretch of the seed's numbers twice
        smallest = min(trials, key=lambda trial: trial.value)
        assert (
            int(client().get_model_version_by_alias("diabetes", "champion").version)
            == smallest.number + 1
        )

    @pytest.mark.parametrize(
        ("wrong", "message"),
        [
            (["model.estimator.alhpa=interval(0,1)"], "alhpa"),
            (["model=ridge,nothing"], "nothing"),
            (
                ["seed=1,2", "hydra.sweeper.sampler=tp"],
                "unknown sampler 'tp' (did you mean 'tpe'",
            ),
            (["seed=1,2", "hydra.sweeper.direction=up"], "unknown hydra.sweeper.direction 'up'"),
            (["seed=1,2", "hydra.sweeper.n_trials=null"], "n_trials is required"),
            (["seed=1,2", "hydra.sweeper.n_jobs=0"], "n_jobs=0 is not a positive integer"),
            (["seed=1,2", "hydra.sweeper.storage=nonsense"], "cannot open hydra.sweeper.storage"),
        ],
    )
    def test_errors_stop_a_study_before_its_first_job(
        self, wrong: list[str], message: str, modelpact: CommandRunner
    ) -> None:
        ended = modelpact(*self.BASE, *wrong)
        assert ended.status in (1, 2)
        assert message in ended.err
        assert "Traceback" not in ended.err
        assert not list(Path().glob("multirun/*/*/0"))

    def test_another_space_or_study_is_rejected_on_resume(self, modelpact: CommandRunner) -> None:
        assert modelpact(*self.BASE, "hydra.sweeper.n_trials=1", "seed=1,2").status == 0
        resumed = [*self.BASE, "resume=true", f"hydra.sweep.dir={self.folder()}"]
        other = modelpact(*resumed, "seed=1,2,3")
        assert "hydra.sweeper.params.seed: was '1,2', is '1,2,3'" in other.err
        assert (
            "no study 'mine' to resume"
            in modelpact(*resumed, "seed=1,2", "hydra.sweeper.study_name=mine").err
        )
        assert (
            "direction=maximize"
            in modelpact(*resumed, "seed=1,2", "hydra.sweeper.direction=minimize").err
        )
        assert (
            "cannot resume a study that was in memory"
            in modelpact(*resumed, "seed=1,2", "hydra.sweeper.storage=null").err
        )
        assert versions("diabetes") == [1]


def test_a_missing_optuna_is_named_with_the_command_to_install_it(
    modelpact: CommandRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "optuna", None)
    ended = modelpact("-m", "hydra/sweeper=optuna", "seed=1,2")
    assert ended.status == 2
    assert 'pip install "modelpact[optuna]"' in ended.err


def test_a_missing_ray_is_named_with_the_command_to_install_it(
    modelpact: CommandRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "ray", None)
    ended = modelpact("-m", "hydra/launcher=ray", "seed=1,2")
    assert ended.status == 2
    assert 'pip install "modelpact[ray]"' in ended.err
