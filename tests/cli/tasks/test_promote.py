"""The tasks that move aliases, with versions of one model that pass or fail the promotion rules."""

from __future__ import annotations

import contextlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from modelpact import publish
from modelpact.cli.tasks import HistoryTask, PromoteTask, ProtectTask, RepairTask, RollbackTask
from modelpact.errors import (
    AliasError,
    ConfigError,
    LoadError,
    PromotionError,
    SecretError,
    StoreError,
)
from modelpact.registry.aliases import Aliases
from modelpact.tracking import SqliteTracking
from modelpact.verifiers import NoneVerifier
from tests.support.commands import Commands, modelpact
from tests.support.publishing import client, numbers, restore, steps
from tiny_models import Doubler, Scaled

__all__ = ["modelpact"]  # the fixture

WORSE, BETTER, BREAKING, UNVERIFIED = 1, 2, 3, 4


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Path:
    """Return a folder whose store has a worse, a better, a breaking and an unverified version."""
    folder = tmp_path_factory.mktemp("promoting")
    renamed = [{"a": row["a"], "c": row["b"]} for row in numbers().inputs]
    with contextlib.chdir(folder), pytest.MonkeyPatch.context() as patch:
        patch.setenv("MODELPACT_CACHE", str(cache))
        publish(**steps(model=Doubler(factor=1.0)))
        publish(**steps())
        publish(**steps(data=numbers(inputs=renamed, metrics=["r2"])))
        publish(**steps(model=Scaled(), data=numbers(metrics=[]), verifier=NoneVerifier()))
    shutil.copy(folder / "mlflow.db", folder / "copy.db")
    return folder


@pytest.fixture
def nowhere() -> None:
    """Work in an empty folder."""


@pytest.fixture(autouse=True)
def store(published: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a copy of that folder."""
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ann")
    monkeypatch.setattr("modelpact.registry.aliases.alias_history._PAUSES", (0.0,))
    if "nowhere" not in request.fixturenames:
        restore(published / "copy.db", published / "mlflow.db")
        monkeypatch.chdir(published)


def promote(version: object, **changes: Any) -> None:
    uri = version if isinstance(version, str) else f"models:/sums/{version}"
    PromoteTask(**{"uri": uri, "alias": "champion", "tracking": SqliteTracking(), **changes}).run(
        Path()
    )


def rollback(**changes: Any) -> None:
    RollbackTask(
        **{"name": "sums", "alias": "champion", "tracking": SqliteTracking(), **changes}
    ).run(Path())


def protect(**changes: Any) -> None:
    ProtectTask(
        **{"name": "sums", "alias": "champion", "tracking": SqliteTracking(), **changes}
    ).run(Path())


def history(**changes: Any) -> None:
    HistoryTask(**{"name": "sums", "tracking": SqliteTracking(), **changes}).run(Path())


def place(version: int, alias: str = "champion") -> None:
    """Move an alias to a version without checking the rules."""
    Aliases(client(), "sums").move(alias, version)


def named(alias: str = "champion") -> int | None:
    found = client().get_registered_model("sums").aliases.get(alias)
    return None if found is None else int(found)


def failed_rules(version: object, **changes: Any) -> dict[str, str]:
    """Return the failed rules of a version with their details; the alias is not moved."""
    before = named()
    with pytest.raises(PromotionError) as caught:
        promote(version, **changes)
    assert caught.value.exit_status == 1
    assert named() == before
    return {rule.name: rule.detail for rule in caught.value.rules if not rule.ok}


class TestPromote:
    def test_moves_the_alias_and_records_the_rules(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        place(WORSE)
        promote(BETTER, why="the factor was wrong")
        lines = capsys.readouterr().out.splitlines()
        assert lines[0] == "sums version 2 for champion, which names version 1"
        assert [line.split()[:2] for line in lines[2:6]] == [
            ["metric", "ok"], ["compatibility", "ok"], ["verified", "ok"], ["integrity", "ok"],
        ]  # fmt: skip
        assert "-> 1: better by" in lines[2]
        assert lines[-1] == "champion of sums: version 1 -> version 2"
        assert named() == 2
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
        assert "for champion, which names no version yet" in out
        assert out.count("no version to compare with yet") == 2
        assert "champion of sums: no version -> version 1" in out

    def test_the_current_version_is_not_promoted_again(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        place(WORSE)
        promote(WORSE)
        assert capsys.readouterr().out == "champion of sums already names version 1\n"
        assert len(Aliases(client(), "sums").state("champion").moves) == 1

    def test_the_version_can_be_an_alias_or_the_latest(self) -> None:
        place(BETTER, "challenger")
        promote("models:/sums@challenger")
        assert named() == BETTER
        assert set(failed_rules("models:/sums/latest")) == {"verified", "metric"}

    def test_a_failed_rule_moves_nothing(self) -> None:
        place(BETTER)
        with pytest.raises(PromotionError) as caught:
            promote(WORSE)
        error = caught.value
        assert error.message.startswith(
            "version 1 of sums was not promoted to champion, which still names version 2:\n  metric: r2 1 -> "
        )
        assert "task.force=[metric] 'task.why=\"...\"'" in error.remedy
        assert named() == BETTER

    def test_every_failed_rule_is_reported(self) -> None:
        place(BETTER)
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
        place(BETTER)
        assert set(failed_rules(BREAKING, force=["metric"], why="w")) == {"metric", "compatibility"}
        promote(BREAKING, force=["metric", "compatibility", "verified"], why="callers were told")
        assert "compatibility  forced" in capsys.readouterr().out
        move = Aliases(client(), "sums").state("champion").moves[-1]
        assert (move.forced, move.why) == (("metric", "compatibility"), "callers were told")
        history()
        assert "2 of 4, forced: metric, compatibility" in capsys.readouterr().out

    @pytest.mark.parametrize("compatibility", ["none", "forward", "full"])
    def test_the_compatibility_mode(self, compatibility: Any) -> None:
        place(BETTER)
        found = failed_rules(BREAKING, compatibility=compatibility)
        assert ("compatibility" in found) == (compatibility != "none")

    def test_a_concurrent_move_is_detected(self, mocker: Any) -> None:
        place(WORSE)
        real = Aliases.move
        overtaken: list[int] = []

        def slow(self: Aliases, *arguments: Any, **options: Any) -> Any:
            if not overtaken:
                overtaken.append(BREAKING)
                place(BREAKING)
            return real(self, *arguments, **options)

        mocker.patch.object(Aliases, "move", slow)
        with pytest.raises(AliasError, match="it names version 3, not version 1; ann moved it at"):
            promote(BETTER)
        assert named() == BREAKING

    def test_a_protected_alias_can_be_promoted(self) -> None:
        place(WORSE)
        protect()
        promote(BETTER)
        rollback()
        assert named() == WORSE


class TestMetricRule:
    @pytest.mark.parametrize(
        ("figures", "asked", "ok", "text"),
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
    )
    def test_the_metric_must_improve(
        self, figures: tuple[float, float], asked: Any, ok: bool, text: str, metrics: Any
    ) -> None:
        own, old = figures
        metrics({WORSE: {"r2": old}, BETTER: {"r2": own}})
        place(WORSE)
        if ok:
            promote(BETTER, **asked)
        else:
            assert text in failed_rules(BETTER, **asked)["metric"]
        rules = Aliases(client(), "sums").state("champion").moves[-1].rules
        assert not ok or text in rules[0].detail

    def test_several_metrics_require_a_choice(self, metrics: Any) -> None:
        metrics(
            {WORSE: {"r2": 0.5, "neg_max_error": -2.0}, BETTER: {"r2": 0.6, "neg_max_error": -3.0}}
        )
        place(WORSE)
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
        place(WORSE)
        promote(BETTER)

    def test_an_unknown_scorer_requires_a_direction(self, metrics: Any) -> None:
        metrics({WORSE: {"loss": 0.5}, BETTER: {"loss": 0.4}})
        place(WORSE)
        with pytest.raises(ConfigError, match="whether a higher loss is better") as caught:
            promote(BETTER)
        assert "task.better=lower" in caught.value.remedy
        promote(BETTER, better="lower")

    def test_a_mistyped_metric(self) -> None:
        assert failed_rules(BETTER, metric="r3")["metric"] == "version 2 has no r3; it has r2"
        assert failed_rules(UNVERIFIED, metric="r2")["metric"] == "version 4 has no r2"

    def test_no_metrics_at_all(self, metrics: Any) -> None:
        metrics({WORSE: {}, BETTER: {}})
        place(WORSE)
        promote(BETTER)

    @pytest.fixture
    def metrics(self, mocker: Any) -> Any:
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
            version.run_id,
            "r2",
            2.0,
            timestamp=10**14,
            model_id=version.source.removeprefix("models:/"),
        )
        place(BETTER)
        promote(WORSE)

    def test_a_version_without_a_logged_model_has_the_metrics_of_its_run(self) -> None:
        run_id = client().create_run("0").info.run_id
        client().log_metric(run_id, "r2", 0.25)
        version = client().create_model_version("sums", str(Path("gone").absolute()), run_id)
        assert "r2 1 -> 0.25: worse by 0.75" in self.placed(BETTER, version.version)["metric"]
        bare = client().create_model_version("sums", str(Path("gone").absolute()))
        assert failed_rules(bare.version)["metric"] == "version 6 has no r2"

    def placed(self, champion: int, version: object) -> dict[str, str]:
        place(champion)
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

    def test_changed_files_fail(self, published: Path) -> None:
        model_id = client().get_model_version("sums", "2").source.removeprefix("models:/")
        folder = Path(client().get_logged_model(model_id).artifact_location)
        extra = folder / "added.py"
        extra.write_text("import os")
        try:
            assert "added.py" in failed_rules(BETTER)["integrity"]
        finally:
            extra.unlink()

    def test_a_missing_manifest_fails(self, mocker: Any) -> None:
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
        self, new: Any, old: Any, text: str, mocker: Any, capsys: pytest.CaptureFixture[str]
    ) -> None:
        place(WORSE)
        mocker.patch("modelpact.registry.read_version_signature", side_effect=[new, old])
        with contextlib.suppress(PromotionError):
            promote(BETTER)
        assert text in capsys.readouterr().out


class TestRollback:
    def test_each_rollback_goes_further_back(self, capsys: pytest.CaptureFixture[str]) -> None:
        for version in (WORSE, BETTER, BREAKING):
            place(version)
        rollback(why="errors since noon")
        rollback()
        assert capsys.readouterr().out.splitlines() == [
            "champion of sums: version 3 -> version 2",
            "champion of sums: version 2 -> version 1",
        ]
        assert named() == 1
        with pytest.raises(
            AliasError, match="champion of sums: it named no version before version 1"
        ) as caught:
            rollback()
        assert (
            "task=promote task.uri=models:/sums/<version> task.alias=champion"
            in caught.value.remedy
        )
        assert Aliases(client(), "sums").state("champion").moves[3].why == "errors since noon"

    def test_a_rolled_back_version_is_not_a_target(self) -> None:
        for version in (WORSE, BETTER):
            place(version)
        rollback()
        place(BREAKING)
        rollback()
        assert named() == WORSE

    def test_an_earlier_version_can_be_chosen(self) -> None:
        for version in (WORSE, BETTER, BREAKING):
            place(version)
        rollback(version=WORSE)
        assert named() == WORSE
        for version, text in (
            (UNVERIFIED, "it never named version 4"),
            (WORSE, "it names version 1 already"),
        ):
            with pytest.raises(AliasError, match=text):
                rollback(version=version)

    def test_the_error_lists_earlier_versions(self) -> None:
        for version in (WORSE, BETTER, BREAKING):
            place(version)
        with pytest.raises(AliasError) as caught:
            rollback(version=4)
        assert (
            caught.value.remedy == "Earlier versions: 2, 1. For any other version: "
            "task=promote task.uri=models:/sums/<version> task.alias=champion."
        )

    def test_a_deleted_version_is_rejected(self) -> None:
        place(WORSE)
        place(BETTER)
        client().delete_model_version("sums", "1")
        with pytest.raises(AliasError, match="version 1 of sums does not exist"):
            rollback()
        assert named() == BETTER

    def test_an_alias_that_was_never_moved(self) -> None:
        with pytest.raises(AliasError, match="was never moved"):
            rollback()

    def test_a_removed_alias_is_restored(self) -> None:
        place(WORSE)
        client().delete_registered_model_alias("sums", "champion")
        rollback()
        assert named() == WORSE


class TestProtect:
    def test_reports_the_protection(self, capsys: pytest.CaptureFixture[str]) -> None:
        protect()
        protect()
        protect(lift=True, why="no customers left")
        protect(lift=True)
        assert capsys.readouterr().out.splitlines() == [
            "champion of sums is protected",
            "champion of sums is protected, as before",
            "champion of sums is not protected",
            "champion of sums is not protected, as before",
        ]


class TestHistory:
    def test_without_aliases(self, capsys: pytest.CaptureFixture[str]) -> None:
        history()
        assert capsys.readouterr().out == "sums: no moves\n"

    def test_table(self, capsys: pytest.CaptureFixture[str]) -> None:
        place(WORSE)
        promote(BETTER, why="better\n\x1b[31mred")
        place(WORSE, "blue")
        protect()
        capsys.readouterr()
        history()
        lines = capsys.readouterr().out.splitlines()
        assert lines[0] == "sums: 4 moves"
        assert lines[1].split() == [
            "alias",
            "move",
            "when",
            "(UTC)",
            "who",
            "by",
            "from",
            "to",
            "rules",
            "why",
        ]
        cells = [line.split() for line in lines[2:6]]
        assert [[*line[:2], *line[3:]] for line in cells] == [
            ["blue", "1", "ann", "python", "-", "1", "-", "-"],
            ["champion", "1", "ann", "python", "-", "1", "-", "-"],
            ["champion", "2", "ann", "promote", "1", "2", "4", "of", "4", "better", "[31mred"],
            ["champion", "3", "ann", "protect", "2", "2", "-", "-"],
        ]
        assert lines[6:] == ["blue names version 1", "champion names version 2, and is protected"]

    def test_one_alias_as_json(self, capsys: pytest.CaptureFixture[str]) -> None:
        place(WORSE, "blue")
        promote(BETTER)
        capsys.readouterr()
        history(alias="champion", format="json")
        found = json.loads(capsys.readouterr().out)
        (alias,) = found["aliases"]
        moves = alias.pop("moves")
        assert alias == {
            "alias": "champion", "version": 2, "registered": 2, "protected": False, "outside": False, "unfinished": False,
        }  # fmt: skip
        assert [(move["from"], move["to"], move["by"]) for move in moves] == [(None, 2, "promote")]
        assert [rule["name"] for rule in moves[0]["rules"]] == [
            "metric",
            "compatibility",
            "verified",
            "integrity",
        ]

    @pytest.mark.parametrize("form", ["table", "json"])
    def test_output_file(
        self, form: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        place(WORSE)
        file = tmp_path / "history.txt"
        history(format=form, out=str(file))
        assert capsys.readouterr().out == f"wrote {file}: 1 move\n"
        assert "champion" in file.read_text()

    def test_moves_outside_of_modelpact_are_reported(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        client().set_registered_model_alias("sums", "blue", "1")
        place(WORSE)
        client().set_registered_model_alias("sums", "champion", "3")
        place(WORSE, "green")
        client().delete_registered_model_alias("sums", "green")
        history()
        assert capsys.readouterr().out.splitlines()[-3:] == [
            "blue names version 1; it was set outside of modelpact, which the next move records",
            "champion names version 3; it was moved outside of modelpact, from version 1, "
            "which the next move records",
            "green names no version; it was moved outside of modelpact, from version 1, "
            "which the next move records",
        ]

    @pytest.mark.parametrize("first", [True, False])
    def test_an_unfinished_move_is_shown_and_repaired(
        self, first: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if not first:
            place(WORSE)
        with monkeypatch.context() as patch:
            patch.setattr(Aliases, "_apply", lambda *_: None)
            place(BETTER)
        history()
        before = "no version" if first else "version 1"
        assert capsys.readouterr().out.splitlines()[-1] == (
            "champion names version 2; its last move is unfinished: "
            f"the registry still has {before} until task=repair or the next move"
        )
        RepairTask(folders=[], tracking=SqliteTracking(), dry_run=True).run(Path())
        assert named() == (None if first else 1)
        RepairTask(folders=[], tracking=SqliteTracking()).run(Path())
        change = (
            "set the alias champion of sums to version 2: its last move is not in the registry yet"
        )
        out = capsys.readouterr().out
        assert f"would {change}" in out
        assert f"\n{change}\n" in out
        assert named() == 2

    def test_an_unknown_alias(self) -> None:
        place(WORSE)
        with pytest.raises(
            AliasError,
            match=r"sums never had an alias 'champoin' \(did you mean 'champion'\?\)",
        ) as caught:
            history(alias="champoin")
        assert caught.value.remedy == "Aliases of sums: champion."


@pytest.mark.usefixtures("nowhere")
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
    assert named() is None


@pytest.mark.parametrize(
    "run", [rollback, protect, history], ids=["rollback", "protect", "history"]
)
def test_an_unknown_registered_model(run: Any) -> None:
    with pytest.raises(AliasError, match="there is no registered model 'sum'") as caught:
        run(name="sum")
    assert "did you mean 'sums'?" in caught.value.message


@pytest.mark.usefixtures("nowhere")
@pytest.mark.parametrize("run", [lambda **given: promote(1, **given), rollback, protect, history])
def test_an_invalid_alias_is_rejected_before_the_store_is_opened(run: Any) -> None:
    for alias in ("", "latest", "v2", "a b"):
        with pytest.raises(ConfigError, match=r"task\.alias"):
            run(alias=alias)
    assert not Path("mlflow.db").exists()


@pytest.mark.usefixtures("nowhere")
@pytest.mark.parametrize("run", [lambda **given: promote(1, **given), rollback, protect, history])
def test_a_missing_store_is_not_created(run: Any) -> None:
    with pytest.raises(LoadError, match=r"the store mlflow\.db does not exist"):
        run(alias="champion")
    assert not Path("mlflow.db").exists()


@pytest.mark.usefixtures("nowhere")
@pytest.mark.parametrize("run", [lambda **given: promote(1, **given), rollback, protect])
def test_an_invalid_reason_is_rejected(run: Any) -> None:
    with pytest.raises(ConfigError, match=r"task\.why is 1,001 characters long"):
        run(why="x" * 1001)
    with pytest.raises(SecretError):
        run(why="sk-" + "proj-0123456789abcdef")


def test_a_deleted_history_is_reported() -> None:
    place(WORSE)
    client().delete_experiment(
        client().get_experiment_by_name("modelpact aliases: index").experiment_id
    )
    with pytest.raises(StoreError, match="was deleted, and with it the history of all aliases"):
        history()


@pytest.mark.usefixtures("nowhere")
def test_force_requires_a_reason() -> None:
    with pytest.raises(ConfigError, match=r"task\.force=\[metric,verified\] requires a reason"):
        promote(1, force=["metric", "verified"], why="  ")


@pytest.mark.usefixtures("nowhere")
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
@pytest.mark.usefixtures("nowhere")
def test_invalid_options(changes: Any) -> None:
    with pytest.raises(ValidationError, match=next(iter(changes))):
        promote(1, **changes)


@pytest.mark.usefixtures("nowhere")
@pytest.mark.parametrize(
    ("arguments", "status", "text"),
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
)
def test_invalid_options_on_the_command_line(
    arguments: list[str], status: int, text: str, modelpact: Commands
) -> None:
    ended = modelpact(*arguments)
    assert ended.status == status
    assert text in ended.err
    assert "Traceback" not in ended.err


def test_the_command_line_promotes_and_rolls_back(modelpact: Commands) -> None:
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
    assert (ended.status, named()) == (1, 2)
    assert "failed" in ended.out
    assert "error: version 3 of sums was not promoted to champion" in ended.err
    assert modelpact("task=rollback", "task.name=sums", "task.alias=champion").status == 0
    shown = modelpact("task=history", "task.name=sums", "task.format=json")
    assert [move["why"] for move in json.loads(shown.out)["aliases"][0]["moves"]] == [
        "",
        "it is better",
        "",
    ]
