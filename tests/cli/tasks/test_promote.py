from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from pytest_mock import MockerFixture

from modelpact.errors import (
    AliasError,
    ConfigError,
    LoadError,
    PromotionError,
)
from modelpact.registry.aliases import Aliases
from tests.support.alias_tasks import (
    BETTER,
    BREAKING,
    UNVERIFIED,
    WORSE,
    aliased_version,
    history,
    move_alias,
    promote,
    protect,
    rollback,
)
from tests.support.commands import CommandRunner, modelpact
from tests.support.many_cases import sample_params
from tests.support.publishing import client, not_none

__all__ = ["modelpact"]  # the fixture

pytestmark = pytest.mark.usefixtures("alias_store")


def failed_rules(version: object, **changes: Any) -> dict[str, str]:
    """Return the failed rules of a version with their details; the alias is not moved."""
    before = aliased_version()
    with pytest.raises(PromotionError) as caught:
        promote(version, **changes)
    assert caught.value.exit_status == 1
    assert aliased_version() == before
    return {rule.name: rule.detail for rule in caught.value.rules if not rule.ok}


class TestPromote:
    def test_moves_the_alias_and_records_the_rules(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        move_alias(WORSE)
        promote(BETTER, why="the factor was wrong")
        lines = capsys.readouterr().out.splitlines()
        assert lines[0] == "sums version 2 for champion, which names version 1"
        assert [line.split()[:2] for line in lines[2:6]] == [
            ["metric", "ok"], ["compatibility", "ok"], ["verified", "ok"], ["integrity", "ok"],
        ]  # fmt: skip
        assert "-> 1: better by" in lines[2]
        assert lines[-1] == "champion of sums: version 1 -> version 2"
        assert aliased_version() == 2
        move = Aliases(client(), "sums").state("champion").moves[-1]
        assert (move.by, move.before, move.to, move.who, move.why) == (
            "promote",
            1,
            2,
            "ann",
            "the factor was wrong",
        )
        assert [(rule.name, rule.ok) for rule in move.rules] == [
            ("metric", True), ("compatibility", True), ("verified", True), ("integrity", True),
        ]  # fmt: skip

    def test_the_first_version_has_nothing_to_compare_with(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        promote(WORSE)
        out = capsys.readouterr().out
        assert "for champion, which names no version" in out
        assert out.count("no version to compare with yet") == 2
        assert "champion of sums: no version -> version 1" in out

    def test_the_current_version_is_not_promoted_again(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        move_alias(WORSE)
        promote(WORSE)
        assert capsys.readouterr().out == "champion of sums already names version 1\n"
        assert len(Aliases(client(), "sums").state("champion").moves) == 1

    def test_the_version_can_be_an_alias_or_the_latest(self) -> None:
        move_alias(BETTER, "challenger")
        promote("models:/sums@challenger")
        assert aliased_version() == BETTER
        assert set(failed_rules("models:/sums/latest")) == {"verified", "metric"}

    def test_a_failed_rule_moves_nothing(self) -> None:
        move_alias(BETTER)
        with pytest.raises(PromotionError) as caught:
            promote(WORSE)
        error = caught.value
        assert error.message.startswith(
            "version 1 of sums was not promoted to champion, which still names version 2:\n  metric: r2 1 -> "
        )
        assert "task.force=[metric] 'task.why=\"...\"'" in error.remedy
        assert aliased_version() == BETTER

    def test_every_failed_rule_is_reported(self) -> None:
        move_alias(BETTER)
        found = failed_rules(UNVERIFIED)
        assert found == {
            "metric": "version 4 has no r2",
            "verified": "version 4 was registered with verifier=none",
        }
        found = failed_rules(BREAKING)
        assert found["compatibility"].startswith(
            "breaks backward: inputs.c: absent -> double (INPUT_REQUIRED_ADDED)"
        )
        assert found["metric"] == "r2 1 -> 1: unchanged"

    def test_forced_rules_are_recorded(self, capsys: pytest.CaptureFixture[str]) -> None:
        move_alias(BETTER)
        assert set(failed_rules(BREAKING, force=["metric"], why="w")) == {"metric", "compatibility"}
        promote(BREAKING, force=["metric", "compatibility", "verified"], why="callers were told")
        assert "compatibility  forced" in capsys.readouterr().out
        move = Aliases(client(), "sums").state("champion").moves[-1]
        assert (move.forced, move.why) == (("metric", "compatibility"), "callers were told")
        history()
        assert "2 of 4, forced: metric, compatibility" in capsys.readouterr().out

    @pytest.mark.parametrize("compatibility", ["none", "forward", "full"])
    def test_the_compatibility_mode(self, compatibility: Any) -> None:
        move_alias(BETTER)
        found = failed_rules(BREAKING, compatibility=compatibility)
        assert ("compatibility" in found) == (compatibility != "none")

    def test_a_concurrent_move_is_detected(self, mocker: MockerFixture) -> None:
        move_alias(WORSE)
        real = Aliases.move
        overtaken: list[int] = []

        def slow(self: Aliases, *arguments: Any, **options: Any) -> Any:
            if not overtaken:
                overtaken.append(BREAKING)
                move_alias(BREAKING)
            return real(self, *arguments, **options)

        mocker.patch.object(Aliases, "move", slow)
        with pytest.raises(AliasError, match="it names version 3, not version 1; ann moved it at"):
            promote(BETTER)
        assert aliased_version() == BREAKING

    def test_a_protected_alias_can_be_promoted(self) -> None:
        move_alias(WORSE)
        protect()
        promote(BETTER)
        rollback()
        assert aliased_version() == WORSE


class TestMetricRule:
    @pytest.mark.parametrize(
        ("figures", "options", "ok", "text"),
        sample_params(
            [
                ((0.52, 0.5), {}, True, "r2 0.5 -> 0.52: better by 0.02"),
                ((0.5, 0.5), {}, False, "unchanged"),
                ((0.5, 0.5), {"min_gain": -0.01}, True, "unchanged, minimum gain -0.01"),
                ((0.495, 0.5), {"min_gain": -0.01}, True, "worse by 0.005, minimum gain -0.01"),
                ((0.52, 0.5), {"min_gain": 0.05}, False, "better by 0.02, minimum gain 0.05"),
                ((0.52, 0.5), {"better": "lower"}, False, "worse by 0.02"),
                ((0.48, 0.5), {"better": "lower"}, True, "better by 0.02"),
                ((float("nan"), 0.5), {}, False, "version 2 has NaN as r2"),
                ((0.5, float("nan")), {}, True, "version 1 has no r2 to compare with; it is 0.5"),
                ((float("inf"), float("inf")), {}, False, "unchanged"),
                ((float("inf"), 0.5), {}, True, "better by inf"),
            ],
            every=3,
        ),
    )
    def test_the_metric_must_improve(
        self, figures: tuple[float, float], options: Any, ok: bool, text: str, metrics: Any
    ) -> None:
        own, old = figures
        metrics({WORSE: {"r2": old}, BETTER: {"r2": own}})
        move_alias(WORSE)
        if ok:
            promote(BETTER, **options)
        else:
            assert text in failed_rules(BETTER, **options)["metric"]
        rules = Aliases(client(), "sums").state("champion").moves[-1].rules
        assert not ok or text in rules[0].detail

    def test_several_metrics_require_a_choice(self, metrics: Any) -> None:
        metrics(
            {WORSE: {"r2": 0.5, "neg_max_error": -2.0}, BETTER: {"r2": 0.6, "neg_max_error": -3.0}}
        )
        move_alias(WORSE)
        with pytest.raises(ConfigError, match="several metrics") as caught:
            promote(BETTER)
        assert caught.value.remedy == "Choose one with task.metric=...: neg_max_error, r2."
        assert (
            "neg_max_error -2 -> -3: worse by 1"
            in failed_rules(BETTER, metric="neg_max_error")["metric"]
        )
        promote(BETTER, metric="r2")

    def test_the_metric_that_both_versions_have_is_compared(self, metrics: Any) -> None:
        metrics({WORSE: {"r2": 0.5}, BETTER: {"r2": 0.6, "neg_max_error": -3.0}})
        move_alias(WORSE)
        promote(BETTER)

    def test_an_unknown_scorer_requires_a_direction(self, metrics: Any) -> None:
        metrics({WORSE: {"loss": 0.5}, BETTER: {"loss": 0.4}})
        move_alias(WORSE)
        with pytest.raises(ConfigError, match="whether a higher loss is better") as caught:
            promote(BETTER)
        assert "task.better=lower" in caught.value.remedy
        promote(BETTER, better="lower")

    def test_a_mistyped_metric(self) -> None:
        assert failed_rules(BETTER, metric="r3")["metric"] == "version 2 has no r3; it has r2"
        assert failed_rules(UNVERIFIED, metric="r2")["metric"] == "version 4 has no r2"

    def test_no_metrics_at_all(self, metrics: Any) -> None:
        metrics({WORSE: {}, BETTER: {}})
        move_alias(WORSE)
        promote(BETTER)

    @pytest.fixture
    def metrics(self, mocker: MockerFixture) -> Any:
        """Replace the metrics of versions."""
        import modelpact.registry.promotion_rules as module

        def give(figures: dict[int, dict[str, float]]) -> None:
            mocker.patch.object(
                module, "_read_metrics", lambda client, version: figures[int(version.version)]
            )

        return give

    def test_the_last_logged_value_counts(self) -> None:
        version = client().get_model_version("sums", "1")
        client().log_metric(
            not_none(version.run_id),
            "r2",
            2.0,
            timestamp=10**14,
            model_id=not_none(version.source).removeprefix("models:/"),
        )
        move_alias(BETTER)
        promote(WORSE)

    def test_a_version_without_a_logged_model_has_the_metrics_of_its_run(self) -> None:
        run_id = client().create_run("0").info.run_id
        client().log_metric(run_id, "r2", 0.25)
        version = client().create_model_version("sums", str(Path("gone").absolute()), run_id)
        assert "r2 1 -> 0.25: worse by 0.75" in self.placed(BETTER, version.version)["metric"]
        bare = client().create_model_version("sums", str(Path("gone").absolute()))
        assert failed_rules(bare.version)["metric"] == "version 6 has no r2"

    def placed(self, champion: int, version: object) -> dict[str, str]:
        move_alias(champion)
        return failed_rules(version)


class TestOtherRules:
    def test_a_version_of_plain_mlflow_must_be_forced(self) -> None:
        client().create_model_version("sums", str(Path("gone").absolute()))
        found = failed_rules(5)
        assert found["verified"] == "version 5 has no record of a verification"
        assert found["integrity"].startswith("cannot read its files")
        assert found["compatibility"].startswith(
            "the signature of version 5 of sums cannot be read"
        )

    def test_changed_files_fail(self) -> None:
        model_id = not_none(client().get_model_version("sums", "2").source).removeprefix("models:/")
        folder = Path(client().get_logged_model(model_id).artifact_location)
        extra = folder / "added.py"
        extra.write_text("import os")
        try:
            assert "added.py" in failed_rules(BETTER)["integrity"]
        finally:
            extra.unlink()

    def test_a_missing_manifest_fails(self, mocker: MockerFixture) -> None:
        mocker.patch(
            "modelpact.registry.promotion_rules.verify_files",
            return_value=mocker.Mock(problems=(), digest=None, attested=False),
        )
        assert (
            failed_rules(BETTER)["integrity"] == "it was published without a manifest of its files"
        )

    @pytest.mark.parametrize(
        ("new", "old", "text"),
        [
            (None, "x", "version 2 has no signature"),
            ("x", None, "version 1 has no signature to compare"),
        ],
    )
    def test_without_a_signature(
        self,
        new: Any,
        old: Any,
        text: str,
        mocker: MockerFixture,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        move_alias(WORSE)
        mocker.patch("modelpact.registry.read_version_signature", side_effect=[new, old])
        with contextlib.suppress(PromotionError):
            promote(BETTER)
        assert text in capsys.readouterr().out


@pytest.mark.usefixtures("empty_folder")
@pytest.mark.parametrize(
    "uri",
    [
        "sums",
        "models:/sums",
        "models:/m-" + "0" * 32,
        "runs:/abc/model",
        "folder",
        "models:/a/b/c",
        "models:/",
    ],
)
def test_a_uri_without_a_registered_model_is_rejected(uri: str) -> None:
    Path("folder").mkdir()
    with pytest.raises(ConfigError, match="does not name a version of a registered model"):
        promote(uri)


@pytest.mark.parametrize(
    "uri", ["models:/sums/9", "models:/sums@nobody", "models:/sum/1", "models:/sums/one"]
)
def test_a_version_that_does_not_exist_is_not_promoted(uri: str) -> None:
    with pytest.raises(LoadError, match=r"cannot find|does not name a version|no registered model"):
        promote(uri)
    assert aliased_version() is None


@pytest.mark.usefixtures("empty_folder")
def test_force_requires_a_reason() -> None:
    with pytest.raises(ConfigError, match=r"task\.force=\[metric,verified\] requires a reason"):
        promote(1, force=["metric", "verified"], why="  ")


@pytest.mark.parametrize(
    "changes",
    [
        {"better": "more"},
        {"min_gain": float("nan")},
        {"min_gain": "1"},
        {"compatibility": "back"},
        {"force": ["metrics"]},
    ],
)
@pytest.mark.usefixtures("empty_folder")
def test_invalid_options(changes: Any) -> None:
    with pytest.raises(ValidationError, match=next(iter(changes))):
        promote(1, **changes)


@pytest.mark.usefixtures("empty_folder")
@pytest.mark.parametrize(
    ("arguments", "status", "text"),
    sample_params(
        [
            (["task=promote", "task.alias=champion"], 2, "task.uri"),
            (
                [
                    "task=promote",
                    "task.uri=models:/sums/1",
                    "task.alias=champion",
                    "task.force=[metrics]",
                    "task.why=w",
                ],
                2,
                "task.force",
            ),
            (
                ["task=rollback", "task.name=sums", "task.alias=champion", "task.version=0"],
                2,
                "task.version",
            ),
            (["task=history", "task.name=sums", "task.format=xml"], 2, "task.format"),
            (["task=history", "task.name=sums", "task.out=."], 2, "task.out"),
        ],
        every=3,
    ),
)
def test_invalid_options_on_the_command_line(
    arguments: list[str], status: int, text: str, modelpact: CommandRunner
) -> None:
    ended = modelpact(*arguments)
    assert ended.status == status
    assert text in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.slow
def test_the_command_line_promotes_and_rolls_back(modelpact: CommandRunner) -> None:
    assert modelpact("task=promote", "task.uri=models:/sums/1", "task.alias=champion").status == 0
    assert (
        modelpact(
            "task=promote",
            "task.uri=models:/sums/2",
            "task.alias=champion",
            'task.why="it is better"',
        ).status
        == 0
    )
    ended = modelpact("task=promote", "task.uri=models:/sums/3", "task.alias=champion")
    assert (ended.status, aliased_version()) == (1, 2)
    assert "failed" in ended.out
    assert "error: version 3 of sums was not promoted to champion" in ended.err
    assert modelpact("task=rollback", "task.name=sums", "task.alias=champion").status == 0
    shown = modelpact("task=history", "task.name=sums", "task.format=json")
    assert [move["why"] for move in json.loads(shown.out)["aliases"][0]["moves"]] == [
        "",
        "it is better",
        "",
    ]
