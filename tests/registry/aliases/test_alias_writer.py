from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import (
    PERMISSION_DENIED,
    RESOURCE_ALREADY_EXISTS,
    TEMPORARILY_UNAVAILABLE,
)
from pytest_mock import MockerFixture

from modelpact.errors import AliasError, ConfigError, SecretError, StoreError
from modelpact.registry.aliases import Aliases, append_log, check_unprotected, find_unfinished
from modelpact.registry.aliases.append_log import (
    EXPERIMENT,
    INDEX_EXPERIMENT,
    AppendLog,
    get_or_create_log,
)
from modelpact.registry.aliases.events import RuleResult
from modelpact.tracking import SqliteTracking
from tests.support.alias_races import race_for_alias
from tests.support.many_cases import sample_params
from tests.support.publishing import not_none, restore


def made(folder: Path) -> MlflowClient:
    """A new store in a folder."""
    tracking = SqliteTracking(uri=f"sqlite:///{folder / 'mlflow.db'}")
    with tracking.open():
        return MlflowClient(tracking.mlflow_uri(), tracking.mlflow_uri())


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> tuple[MlflowClient, Path]:
    """A store with four versions of `sums`, and a copy of it."""
    folder = tmp_path_factory.mktemp("store")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MODELPACT_CACHE", str(cache))
        found = made(folder)
    register(found, "sums")
    get_or_create_log(found, "another", "another")
    shutil.copy(folder / "mlflow.db", folder / "copy.db")
    return found, folder


@pytest.fixture
def store(shared: tuple[MlflowClient, Path]) -> MlflowClient:
    """That store as it was at first: no alias was ever moved."""
    restore(shared[1] / "copy.db", shared[1] / "mlflow.db")
    return shared[0]


@pytest.fixture
def own(tmp_path: Path) -> MlflowClient:
    """A new store without aliases."""
    return made(tmp_path)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Re-read apparent external changes without pauses."""
    monkeypatch.setattr("modelpact.registry.aliases.alias_history._PAUSES", (0.0, 0.0))


@pytest.fixture
def sums(store: MlflowClient) -> Aliases:
    return Aliases(store, "sums")


def register(store: MlflowClient, name: str, n_versions: int = 4) -> None:
    store.create_registered_model(name)
    for _ in range(n_versions):
        store.create_model_version(name, str(Path("model").absolute()))


def alias_version(store: MlflowClient, alias: str = "champion", name: str = "sums") -> int | None:
    """Return the version that an alias names in the registry."""
    found = store.get_registered_model(name).aliases.get(alias)
    return None if found is None else int(found)


def moves(aliases: Aliases, alias: str = "champion") -> list[tuple[str, int | None, int | None]]:
    return [(move.by, move.before, move.to) for move in aliases.state(alias).moves]


def refused(act: Callable[[], object], text: str) -> AliasError:
    with pytest.raises(AliasError, match=re.escape(text)) as caught:
        act()
    return caught.value


class TestMove:
    def test_is_recorded_in_history_and_registry(
        self, store: MlflowClient, sums: Aliases, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ann")
        rules = [RuleResult(name="metric", ok=False, detail="r2 0.5 -> 0.4")]
        sums.move("champion", 1)
        sums.move("champion", 3, by="promote", why="better", rules=rules, forced=["metric"])
        first, second = sums.state("champion").moves
        assert (first.before, first.to, first.number) == (None, 1, 1)
        assert (second.before, second.to, second.number, second.by, second.why) == (
            1,
            3,
            2,
            "promote",
            "better",
        )
        assert (second.rules, second.forced) == (tuple(rules), ("metric",))
        assert second.who == "ann"
        assert datetime.fromisoformat(second.when).utcoffset() == timedelta(0)
        assert alias_version(store) == 3
        assert not sums.state("champion").unfinished

    def test_each_alias_has_its_own_history(self, store: MlflowClient, sums: Aliases) -> None:
        sums.move("champion", 1)
        sums.move("challenger", 2)
        assert [(state.alias, state.current) for state in sums.states()] == [
            ("challenger", 2),
            ("champion", 1),
        ]
        assert moves(sums, "challenger") == [("python", None, 2)]
        assert (alias_version(store), alias_version(store, "challenger")) == (1, 2)

    def test_to_the_current_version_writes_nothing(self, sums: Aliases) -> None:
        assert sums.move("champion", None) is None
        sums.move("champion", 2)
        assert sums.move("champion", 2) is None
        assert len(moves(sums)) == 1

    def test_to_none_removes_the_alias(self, store: MlflowClient, sums: Aliases) -> None:
        sums.move("champion", 2)
        sums.move("champion", None)
        assert alias_version(store) is None
        assert sums.state("champion").current is None
        assert moves(sums)[-1] == ("python", 2, None)

    def test_an_unexpected_current_version_is_rejected(
        self, sums: Aliases, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ann")
        sums.move("champion", 1, expected=None)
        sums.move("champion", 2, expected=1, why="a try")
        error = refused(
            lambda: sums.move("champion", 3, expected=1),
            "it names version 2, not version 1; ann moved it at 20",
        )
        assert error.message.endswith("by python (a try)")
        assert (error.current, error.expected) == (2, 1)
        refused(lambda: sums.move("champion", 3, expected=None), "not no version")
        assert len(moves(sums)) == 2

    @pytest.mark.parametrize("version", [5, 0, 10**6])
    def test_needs_an_existing_version(self, version: int, sums: Aliases) -> None:
        refused(lambda: sums.move("champion", version), "does not exist")
        assert moves(sums) == []

    def test_to_a_deleted_version_is_rejected(self, store: MlflowClient, sums: Aliases) -> None:
        store.delete_model_version("sums", "2")
        refused(lambda: sums.move("champion", 2), "version 2 of sums does not exist")

    def test_needs_a_registered_model(self, store: MlflowClient) -> None:
        error = refused(
            lambda: Aliases(store, "sum"), "no registered model 'sum' (did you mean 'sums'?)"
        )
        assert error.remedy == "Registered models: sums."

    @pytest.mark.parametrize("alias", ["", "v1", "latest", "a b", "a/b", "a.1", "x" * 256])
    def test_needs_a_valid_alias(self, alias: str, sums: Aliases) -> None:
        acts: list[Callable[[], object]]
        acts = [lambda: sums.move(alias, 1), lambda: sums.protect(alias)]
        for act in acts:
            with pytest.raises(ConfigError, match="is not a valid alias"):
                act()

    @pytest.mark.parametrize(
        ("why", "text"),
        [
            (
                "x" * 1001,
                "is 1,001 characters long\nUse at most 1,000 characters, and refer to the details.",
            ),
            ("half \ud800", "has unpaired surrogates\nUse valid Unicode text."),
        ],
    )
    def test_needs_a_valid_reason(self, why: str, text: str, sums: Aliases) -> None:
        acts: dict[str, Callable[[], object]] = {
            "move": lambda: sums.move("champion", 1, why=why),
            "protect": lambda: sums.protect("champion", why=why),
        }
        for name, act in acts.items():
            with pytest.raises(ConfigError) as caught:
                act()
            assert str(caught.value) == f"{name}.why {text}"
        assert moves(sums) == []

    def test_secrets_in_the_reason_are_redacted(self, sums: Aliases) -> None:
        with pytest.raises(SecretError) as caught:
            sums.move("champion", 1, why="with " + "sk-" + "proj-0123456789abcdef")
        assert "0123456789" not in str(caught.value)

    def test_record_is_never_truncated(self, sums: Aliases) -> None:
        def rules(length: int) -> list[RuleResult]:
            return [RuleResult(name="metric", ok=True, detail="x" * length)]

        first = not_none(sums.move("champion", 1, rules=rules(0)))
        longest = append_log.MAX_LINE_LENGTH - len(first.to_line())
        error = refused(
            lambda: sums.move("runnerup", 1, rules=rules(longest + 1)),
            "the event of runnerup takes 6,001 characters in the history; the maximum is 6,000",
        )
        assert error.remedy == "Give a shorter reason, and refer to the details."
        assert error.alias == "runnerup"
        assert moves(sums, "runnerup") == []
        sums.move("runnerup", 1, rules=rules(longest))
        assert sums.state("runnerup").moves[0].rules == tuple(rules(longest))

    @pytest.mark.parametrize(
        "why", ["", "ein Satz: 'müßig', \"quoted\" \\ | 中文 🙂", "two\nlines", "x" * 1000]
    )
    def test_reason_is_kept_unchanged(self, why: str, sums: Aliases) -> None:
        sums.move("champion", 1, why=why)
        assert sums.state("champion").moves[0].why == why


@pytest.mark.parametrize(
    "name", sample_params(["it's", 'say "so"', "modèle 中文", "x" * 256, "a\\b%_*"], every=3)
)
def test_models_with_any_name_have_a_history(name: str, store: MlflowClient) -> None:
    register(store, name, 1)
    Aliases(store, name).move("champion", 1)
    assert moves(Aliases(store, name)) == [("python", None, 1)]
    assert alias_version(store, name=name) == 1


@pytest.mark.parametrize(
    "alias", sample_params(["x" * 255, "größe", "-", "_", "Champion", "1"], every=3)
)
def test_aliases_with_any_name_have_a_history(
    alias: str, store: MlflowClient, sums: Aliases
) -> None:
    for version in (1, 2):
        sums.move(alias, version)
    sums.move("x" * 254, 3)
    assert moves(sums, alias) == [("python", None, 1), ("python", 1, 2)]
    assert alias_version(store, alias) == 2
    assert alias in [state.alias for state in sums.states()]


def test_a_recreated_model_has_a_new_history(store: MlflowClient, sums: Aliases) -> None:
    sums.move("champion", 4)
    sums.protect("champion")
    store.delete_registered_model("sums")
    register(store, "sums", 1)
    again = Aliases(store, "sums")
    assert again.states() == []
    again.move("champion", 1)
    assert moves(again) == [("python", None, 1)]


class Before:
    """Runs a function once before a method of an object, like a faster process."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, owner: Any, method: str, act: Callable[[], object]
    ) -> None:
        self.acts = [act]
        original = getattr(owner, method)

        def called(*arguments: Any, **options: Any) -> Any:
            if self.acts:
                self.acts.pop()()
            return original(*arguments, **options)

        monkeypatch.setattr(owner, method, called)


class TestConcurrentMoves:
    def test_a_conditional_move_loses(
        self, store: MlflowClient, sums: Aliases, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sums.move("champion", 1)
        Before(
            monkeypatch,
            sums,
            "_write_line",
            lambda: Aliases(store, "sums").move("champion", 2, expected=1),
        )
        refused(
            lambda: sums.move("champion", 3, expected=1),
            "it names version 2, not version 1",
        )
        assert moves(sums) == [("python", None, 1), ("python", 1, 2)]
        assert alias_version(store) == 2

    def test_an_unconditional_move_is_applied_second(
        self, store: MlflowClient, sums: Aliases, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        Before(monkeypatch, sums, "_write_line", lambda: Aliases(store, "sums").move("champion", 2))
        sums.move("champion", 3)
        assert moves(sums) == [("python", None, 2), ("python", 2, 3)]
        assert alias_version(store) == 3

    def test_a_slow_writer_does_not_undo_a_later_move(
        self, store: MlflowClient, sums: Aliases, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        other = MlflowClient(store.tracking_uri, store.tracking_uri)
        Before(
            monkeypatch,
            store,
            "set_registered_model_alias",
            lambda: Aliases(other, "sums").move("champion", 3),
        )
        sums.move("champion", 2)
        assert moves(sums) == [("python", None, 2), ("python", 2, 3)]
        assert alias_version(store) == 3
        assert not sums.state("champion").unfinished

    def test_a_move_in_progress_is_not_an_external_change(
        self, store: MlflowClient, sums: Aliases, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sums.move("champion", 1)
        Before(
            monkeypatch,
            store,
            "get_registered_model",
            lambda: Aliases(store, "sums").move("champion", 2),
        )
        sums.move("champion", 3)
        assert moves(sums) == [("python", None, 1), ("python", 1, 2), ("python", 2, 3)]

    @pytest.mark.parametrize("act", ["move", "protect"])
    def test_retries_are_limited(
        self, act: str, sums: Aliases, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        lost = 0
        write = sums._write_line

        def lose(alias: str, key: str, line: str) -> bool:
            nonlocal lost
            lost -= 1
            return lost < 0 and write(alias, key, line)

        monkeypatch.setattr(sums, "_write_line", lose)
        monkeypatch.setattr("time.sleep", lambda _: None)
        monkeypatch.setattr("modelpact.registry.aliases.alias_writer.MAX_ATTEMPTS", 3)
        again: Callable[[], object] = (
            (lambda: sums.move("champion", 1))
            if act == "move"
            else (lambda: sums.protect("champion"))
        )
        lost = 3
        error = refused(
            again,
            "champion of sums was not changed: other processes kept moving it in 3 attempts",
        )
        assert (error.remedy, error.alias) == ("Try again.", "champion")
        assert moves(sums) == []
        lost = 2
        assert again() is not None
        assert len(moves(sums)) == 1

    @pytest.mark.parametrize("before", ["create_experiment", "create_run"])
    def test_both_writers_get_the_same_log(
        self, before: str, own: MlflowClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        other = MlflowClient(own.tracking_uri, own.tracking_uri)
        found: list[AppendLog] = []
        Before(monkeypatch, own, before, lambda: found.append(get_or_create_log(other, "it", "it")))
        assert get_or_create_log(own, "it", "it").run_id == found[0].run_id
        home = not_none(own.get_experiment_by_name(EXPERIMENT)).experiment_id
        assert sorted(run.info.run_name for run in own.search_runs([home])) == [
            "index",
            "it",
        ]  # the loser's are deleted

    def test_both_writers_get_the_same_log_with_an_index(
        self, store: MlflowClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        other = MlflowClient(store.tracking_uri, store.tracking_uri)
        found: list[AppendLog] = []
        get_or_create_log(store, "them", "them")
        Before(
            monkeypatch,
            store,
            "create_run",
            lambda: found.append(get_or_create_log(other, "it", "it")),
        )
        assert get_or_create_log(store, "it", "it").run_id == found[0].run_id

    def test_a_repeated_event_is_counted_once(self, store: MlflowClient) -> None:
        ledger = get_or_create_log(store, "it", "it")
        assert [ledger.write("a.1", line) for line in ("x", "x", "y")] == [True, True, False]
        assert ledger.read() == {"a.1": "x"}

    @pytest.mark.slow
    def test_exactly_one_of_two_processes_wins(self, store: MlflowClient, sums: Aliases) -> None:
        winners = race_for_alias(store.tracking_uri, "sums", "champion", 10)
        assert len(winners) == 10
        assert [move.to for move in sums.state("champion").moves] == winners
        assert alias_version(store) == winners[-1]


class TestKilledWriter:
    @pytest.fixture
    def cut(self, store: MlflowClient, sums: Aliases, monkeypatch: pytest.MonkeyPatch) -> None:
        """A writer was killed after it appended a move, and before it updated the registry."""
        sums.move("champion", 1)

        def die(*_: Any) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(store, "set_registered_model_alias", die)
            with pytest.raises(KeyboardInterrupt):
                sums.move("champion", 2)

    @pytest.mark.usefixtures("cut")
    def test_leaves_an_unfinished_move(self, store: MlflowClient, sums: Aliases) -> None:
        state = sums.state("champion")
        assert (state.unfinished, state.outside, state.current, state.registered) == (
            True,
            False,
            2,
            1,
        )
        assert [found.alias for _, found in find_unfinished(store)] == ["champion"]

    @pytest.mark.usefixtures("cut")
    @pytest.mark.parametrize("how", ["finish", "move to the same", "protect"])
    def test_is_repaired(self, how: str, store: MlflowClient, sums: Aliases) -> None:
        acts: dict[str, Callable[[], object]] = {
            "finish": lambda: sums.finish("champion"),
            "move to the same": lambda: sums.move("champion", 2),
            "protect": lambda: sums.protect("champion"),
        }
        acts[how]()
        assert alias_version(store) == 2
        assert list(find_unfinished(store)) == []

    @pytest.mark.usefixtures("cut")
    def test_the_next_move_repairs(self, store: MlflowClient, sums: Aliases) -> None:
        sums.move("champion", 3, expected=2)
        assert moves(sums) == [("python", None, 1), ("python", 1, 2), ("python", 2, 3)]
        assert alias_version(store) == 3

    def test_nothing_to_repair(self, store: MlflowClient, sums: Aliases) -> None:
        assert list(find_unfinished(store)) == []
        sums.move("champion", 1)
        sums.finish("champion")
        store.create_registered_model("others")
        get_or_create_log(store, "gone\n1", "gone")
        get_or_create_log(store, "others\n1", "made again since")
        assert list(find_unfinished(store)) == []

    def test_a_failing_store_is_reported(
        self, store: MlflowClient, sums: Aliases, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: Any) -> None:
            raise MlflowException("the database is down", TEMPORARILY_UNAVAILABLE)

        with monkeypatch.context() as patch:
            patch.setattr(store, "set_registered_model_alias", fail)
            error = refused(
                lambda: sums.move("champion", 2),
                "the move to version 2 is in the history, but the registry could not",
            )
        assert error.not_undone == ["move 1"]
        sums.finish("champion")
        assert alias_version(store) == 2

    def test_a_deleted_version_is_withdrawn(
        self, store: MlflowClient, sums: Aliases, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sums.move("champion", 1)
        Before(
            monkeypatch,
            store,
            "set_registered_model_alias",
            lambda: store.delete_model_version("sums", "2"),
        )
        error = refused(
            lambda: sums.move("champion", 2),
            "champion of sums was not moved: version 2 was deleted meanwhile",
        )
        assert (error.remedy, error.alias) == ("It names version 1.", "champion")
        assert moves(sums)[1:] == [("python", 1, 2), ("undo", 2, 1)]
        state = sums.state("champion")
        assert (alias_version(store), state.current, state.outside, state.unfinished) == (
            1,
            1,
            False,
            False,
        )


class TestExternalChanges:
    def test_an_existing_alias_is_recorded(self, store: MlflowClient, sums: Aliases) -> None:
        store.set_registered_model_alias("sums", "champion", "1")
        state = sums.state("champion")
        assert (state.outside, state.current, state.recorded) == (True, 1, None)
        sums.move("champion", 2, by="promote", expected=1)
        assert moves(sums) == [("outside", None, 1), ("promote", 1, 2)]

    @pytest.mark.parametrize("version", [1, 4, None])
    def test_an_external_move_is_recorded_by_the_next_move(
        self, version: int | None, store: MlflowClient, sums: Aliases
    ) -> None:
        sums.move("champion", 1)
        sums.move("champion", 2)
        if version is None:
            store.delete_registered_model_alias("sums", "champion")
        else:  # also back to where it was: that is not an interrupted move
            store.set_registered_model_alias("sums", "champion", str(version))
        state = sums.state("champion")
        assert (state.outside, state.unfinished, state.current) == (True, False, version)
        assert list(find_unfinished(store)) == []
        refused(lambda: sums.move("champion", 3, expected=2), "it was moved outside of modelpact")
        sums.move("champion", 3, expected=version)
        assert moves(sums)[2:] == [("outside", 2, version), ("python", version, 3)]
        assert sums.state("champion").moves[2].why == "found by python"

    def test_a_deleted_version_removes_its_alias(self, store: MlflowClient, sums: Aliases) -> None:
        sums.move("champion", 2)
        store.delete_model_version("sums", "2")
        assert (sums.state("champion").outside, sums.state("champion").current) == (True, None)

    def test_an_external_move_is_recorded_by_protect(
        self, store: MlflowClient, sums: Aliases
    ) -> None:
        store.set_registered_model_alias("sums", "champion", "1")
        sums.protect("champion")
        assert moves(sums) == [("outside", None, 1), ("protect", 1, 1)]


class TestProtection:
    @pytest.mark.parametrize("by", ["python", "register", "sweep"])
    def test_only_a_promotion_moves_a_protected_alias(
        self, by: Any, store: MlflowClient, sums: Aliases, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ann")
        sums.move("champion", 1)
        sums.protect("champion", why="customers")
        error = refused(
            lambda: sums.move("champion", 2, by=by), "champion of sums is protected, by ann on 20"
        )
        assert "(customers)" in error.message
        assert "task=promote task.uri=models:/sums/<version> task.alias=champion" in error.remedy
        assert "task.lift=true" in error.remedy
        assert alias_version(store) == 1
        for version, kind in ((2, "promote"), (1, "rollback")):
            sums.move("champion", version, by=kind)  # type: ignore[arg-type]
        assert alias_version(store) == 1
        sums.protect("champion", False)
        sums.move("champion", 3, by=by)
        assert [move.by for move in sums.state("champion").moves] == [
            "python", "protect", "promote", "rollback", "lift", by,
        ]  # fmt: skip

    def test_protection_is_recorded_once(self, sums: Aliases) -> None:
        assert sums.protect("champion", False) is None
        assert sums.protect("champion") is not None
        assert sums.protect("champion") is None
        assert [state.alias for state in sums.states()] == [
            "champion"
        ]  # also before the alias exists

    def test_protection_does_not_hide_an_unfinished_move(
        self, store: MlflowClient, sums: Aliases, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(sums, "_apply", lambda _: None)
            sums.move("champion", 1)
        assert sums.state("champion").unfinished
        sums.protect("champion")
        assert alias_version(store) == 1

    def test_concurrent_protection_is_respected(
        self, store: MlflowClient, sums: Aliases, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        Before(monkeypatch, sums, "_write_line", lambda: Aliases(store, "sums").protect("champion"))
        refused(lambda: sums.move("champion", 1), "is protected")

    def test_protection_is_checked_before_any_work(
        self, store: MlflowClient, sums: Aliases
    ) -> None:
        check_unprotected(store, "no such model", ["champion"], "register.aliases")
        check_unprotected(store, "sums", [], "register.aliases")
        check_unprotected(store, "sums", ["champion"], "register.aliases")
        sums.protect("champion")
        error = refused(
            lambda: check_unprotected(store, "sums", ["blue", "champion"], "register.aliases"),
            "register.aliases cannot move champion: champion of sums is protected",
        )
        assert error.alias == "champion"


class TestIncompleteHistory:
    @pytest.fixture(autouse=True)
    def moved(self, sums: Aliases) -> None:
        sums.move("champion", 1)

    @pytest.mark.parametrize("name", [EXPERIMENT, INDEX_EXPERIMENT])
    def test_a_deleted_experiment(self, name: str, own: MlflowClient) -> None:
        get_or_create_log(own, "it", "it")
        number = not_none(own.get_experiment_by_name(name)).experiment_id
        own.delete_experiment(number)
        with pytest.raises(StoreError, match="was deleted") as caught:
            get_or_create_log(own, "them", "them")
        assert f"mlflow experiments restore -x {number}" in caught.value.remedy

    def test_a_deleted_run(self, store: MlflowClient, sums: Aliases) -> None:
        ledger = append_log.find_log(store, sums.subject)
        assert ledger is not None
        store.delete_run(ledger.run_id)
        refused(
            lambda: sums.move("champion", 2), "the store rejected a request for the aliases of sums"
        )
        assert alias_version(store) == 1

    def test_an_index_without_its_tag(self, own: MlflowClient) -> None:
        own.create_experiment(INDEX_EXPERIMENT)
        with pytest.raises(StoreError, match=r"has lost its tag modelpact\.index"):
            append_log.find_log(own, "it")

    @pytest.mark.parametrize("line", ["by hand", "{}", '{"form": 2, "more": 1}', "[1]"])
    def test_a_foreign_event(self, line: str, store: MlflowClient, sums: Aliases) -> None:
        ledger = append_log.find_log(store, sums.subject)
        assert ledger is not None
        ledger.write("champion.2", line)
        for act in (lambda: sums.move("champion", 2), sums.states):
            refused(
                act,
                f"param champion.2 of run {ledger.run_id} is not an event that "
                "this version of modelpact can read",
            )

    def test_a_store_without_write_permission(
        self, store: MlflowClient, sums: Aliases, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def deny(*_: Any) -> None:
            raise MlflowException("Permission denied", PERMISSION_DENIED)

        monkeypatch.setattr(store, "log_param", deny)
        error = refused(lambda: sums.move("champion", 2), "Permission denied")
        assert "permission to edit both" in error.remedy
        assert alias_version(store) == 1

    def test_a_failing_store(
        self, store: MlflowClient, sums: Aliases, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: Any) -> None:
            raise MlflowException("the database is down", TEMPORARILY_UNAVAILABLE)

        monkeypatch.setattr(store, "get_run", fail)
        with pytest.raises(
            MlflowException, match="is down"
        ):  # which becomes a StoreError where the store is closed
            sums.move("champion", 2)


@pytest.mark.parametrize("refuse", [MlflowException("no", PERMISSION_DENIED), None])
@pytest.mark.parametrize("name", [EXPERIMENT, INDEX_EXPERIMENT])
def test_an_experiment_that_cannot_be_created(
    name: str, refuse: Any, own: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = own.create_experiment

    def creating(called: str, **options: Any) -> str:
        if called != name:
            return str(create(called, **options))
        if refuse is not None:
            raise refuse
        raise MlflowException("it is there", RESOURCE_ALREADY_EXISTS)  # and it is not

    monkeypatch.setattr(own, "create_experiment", creating)
    with pytest.raises(
        (MlflowException, StoreError), match=r"^no$|was created and cannot be found"
    ):
        get_or_create_log(own, "it", "it")


def test_a_user_without_a_name_has_a_number(
    store: MlflowClient, sums: Aliases, mocker: MockerFixture
) -> None:
    mocker.patch(
        "modelpact._internal.mlflow_compat.current_user", side_effect=KeyError("uid not found")
    )
    sums.move("champion", 1)
    assert sums.state("champion").moves[0].who.startswith("uid ")


class TestEarlier:
    """The versions that a rollback can restore."""

    def earlier(self, sums: Aliases, *path: tuple[str, int | None]) -> list[int]:
        for by, to in path:
            sums.move("champion", to, by=by)  # type: ignore[arg-type]
        return sums.state("champion").earlier()

    def test_returns_the_versions_before(self, sums: Aliases) -> None:
        assert self.earlier(sums) == []
        assert self.earlier(sums, ("promote", 1)) == []
        assert self.earlier(sums, ("promote", 2), ("register", 3)) == [2, 1]

    def test_excludes_rolled_back_versions(self, sums: Aliases) -> None:
        path = [("promote", 1), ("promote", 2), ("promote", 3), ("rollback", 2)]
        assert self.earlier(sums, *path) == [1]
        assert self.earlier(sums, ("rollback", 1)) == []
        assert self.earlier(sums, ("promote", 4)) == [1]

    def test_lists_each_version_once(self, sums: Aliases) -> None:
        assert self.earlier(sums, ("promote", 1), ("promote", 2), ("promote", 1)) == [2]

    def test_includes_versions_of_a_removed_alias(self, sums: Aliases) -> None:
        assert self.earlier(sums, ("promote", 1), ("promote", 2), ("python", None)) == [2, 1]

    def test_excludes_undone_moves(self, sums: Aliases) -> None:
        assert self.earlier(sums, ("promote", 1), ("register", 2), ("undo", 1)) == []

    def test_includes_external_moves(self, store: MlflowClient, sums: Aliases) -> None:
        sums.move("champion", 1)
        store.set_registered_model_alias("sums", "champion", "3")
        assert sums.state("champion").earlier() == [1]
