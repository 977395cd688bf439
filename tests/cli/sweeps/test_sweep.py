"""`Sweep` with a real store, and jobs that are only receipts."""

from __future__ import annotations

import logging
import math
from pathlib import Path
from typing import Any

import pytest

from modelpact._internal.files import write_atomically
from modelpact._internal.process import Process
from modelpact.cli.sweeps import Sweep, SweepRecord
from modelpact.errors import StoreError, SweepError
from modelpact.registry.aliases import Aliases
from modelpact.tracking import ServerTracking, SqliteTracking
from tests.cli.sweeps.test_results import receipt
from tests.support.publishing import client, not_none

FOLDER = Path("sweep")
BASE: dict[str, Any] = {"seed": 0, "model": {"alpha": 1.0}}
JOBS = [["seed=1"], ["seed=2"], ["seed=3"]]


def sweep(base: dict[str, Any] | None = None, **options: Any) -> Sweep:
    return Sweep(FOLDER, BASE if base is None else base, SqliteTracking(), **options)


def leave(number: int, status: str = "ok", **facts: Any) -> None:
    text = receipt(status, job=number, **facts).to_json()
    write_atomically(FOLDER / str(number) / "receipt.json", text)


def run(one: Sweep, failing: tuple[int, ...] = ()) -> None:
    """Do the jobs of a new or resumed sweep."""
    numbers = one.plan(JOBS)
    with one.running():
        for number in numbers:
            leave(number, "failed" if number in failing else "ok", metrics={"r2": number / 10})


def parent(one: Sweep) -> Any:
    assert one.record.parent is not None
    return client().get_run(one.record.parent)


class TestRunning:
    def test_the_parent_is_open_while_the_jobs_run_and_then_finished(self) -> None:
        one = sweep(title="trial")
        one.plan(JOBS)
        with one.running():
            assert parent(one).info.status == "RUNNING"
            assert (
                Process.from_tags(parent(one).data.tags) == Process.current()
            )  # task=repair reads it
            for number in range(3):
                leave(number, metrics={"r2": number / 10, "mae": -1.0})
        ended = parent(one)
        assert (ended.info.status, ended.info.run_name, ended.data.tags["modelpact.best_job"]) == (
            "FINISHED",
            "trial",
            "2",
        )
        assert ended.data.metrics == {"r2": 0.2, "mae": -1.0}

    def test_the_report_is_in_the_folder_and_in_the_parent_run(self) -> None:
        one = sweep()
        run(one)
        assert {file.path for file in client().list_artifacts(not_none(one.record.parent))} == {
            "sweep.csv",
            "sweep.html",
        }
        for name in ("sweep.csv", "sweep.html"):
            copy = client().download_artifacts(not_none(one.record.parent), name, ".")
            assert Path(copy).read_text() == (FOLDER / name).read_text()

    def test_failed_or_missing_jobs_fail_the_parent_run(self) -> None:
        one = sweep()
        run(one, failing=(1,))
        assert parent(one).info.status == "FAILED"
        FOLDER.joinpath("1", "receipt.json").unlink()
        again = sweep(resume=True)
        with again.running():
            pass
        assert parent(again).info.status == "FAILED"

    @pytest.mark.parametrize(
        ("error", "status"),
        [(KeyboardInterrupt, "KILLED"), (SystemExit, "KILLED"), (RuntimeError, "FAILED")],
    )
    def test_the_status_of_the_parent_run_depends_on_the_error(
        self, error: type[BaseException], status: str
    ) -> None:
        one = sweep()
        one.plan(JOBS)
        with pytest.raises(error), one.running():  # noqa: PT012
            leave(0)
            raise error
        assert parent(one).info.status == status
        assert (FOLDER / "sweep.csv").read_text().count("missing") == 2

    def test_runs_of_killed_jobs_are_closed(self) -> None:
        one = sweep()
        one.plan(JOBS)
        with pytest.raises(KeyboardInterrupt), one.running():  # noqa: PT012
            store = client()
            experiment = parent(one).info.experiment_id
            child = store.create_run(
                experiment, tags={"mlflow.parentRunId": one.record.parent}
            ).info.run_id
            other = store.create_run(
                experiment, tags={"mlflow.parentRunId": "of another"}
            ).info.run_id
            pending, ready = [
                store.create_logged_model(experiment, source_run_id=child).model_id
                for _ in range(2)
            ]
            store.finalize_logged_model(ready, "READY")
            raise KeyboardInterrupt
        assert client().get_run(child).info.status == "KILLED"
        assert client().get_logged_model(pending).status == "FAILED"
        assert client().get_logged_model(ready).status == "READY"
        assert client().get_run(other).info.status == "RUNNING"

    def test_a_store_that_cannot_be_opened_runs_nothing(self) -> None:
        one = Sweep(FOLDER, BASE, ServerTracking(uri="http://127.0.0.1:1"))
        one.plan(JOBS)
        with pytest.raises(StoreError), one.running():
            pytest.fail("a job was run")
        assert SweepRecord.read(FOLDER) is None

    def test_a_store_failure_at_the_end_keeps_the_results(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        one = sweep()
        one.plan(JOBS)
        with caplog.at_level(logging.WARNING), one.running():
            leave(0)
            Path("mlflow.db").rename("elsewhere.db")
            Path("mlflow.db").write_text("no database")
        assert "cannot log the results of the sweep to MLflow; they are in sweep" in caplog.text
        assert (FOLDER / "sweep.html").exists()

    def test_one_process_at_a_time(self) -> None:
        one = sweep()
        one.plan(JOBS)
        with one.running():
            second = sweep(resume=True)
            with pytest.raises(SweepError, match="another process is running"), second.running():
                pytest.fail("it ran twice")
        assert sweep(resume=True).record.calls == 1


class TestResume:
    def test_missing_and_failed_jobs_are_repeated(self) -> None:
        run(sweep(), failing=(1,))
        again = sweep(resume=True)
        assert again.plan(JOBS) == [1]
        FOLDER.joinpath("2", "receipt.json").unlink()
        assert again.plan(JOBS) == [1, 2]

    def test_the_parent_run_is_reused(self) -> None:
        first = sweep()
        run(first, failing=(1,))
        again = sweep(resume=True)
        run(again)
        assert again.record.parent == first.record.parent
        assert (again.record.calls, parent(again).info.status) == (2, "FINISHED")

    def test_the_order_of_combinations_does_not_matter(self) -> None:
        run(sweep(), failing=(0, 1, 2))
        assert sweep(resume=True).plan(JOBS[::-1]) == [0, 1, 2]

    def test_another_configuration_is_rejected_with_the_difference(self) -> None:
        run(sweep())
        with pytest.raises(
            SweepError, match="contains a different sweep; its configuration differs"
        ) as caught:
            sweep({"seed": 0, "model": {"alpha": 2.0}, "more": True}, resume=True)
        assert caught.value.differences == [
            "model.alpha: was 1.0, is 2.0",
            "more: is new (True)",
        ]
        assert "\n  model.alpha: was 1.0, is 2.0\n" in str(caught.value)

    def test_other_combinations_are_rejected(self) -> None:
        run(sweep())
        with pytest.raises(SweepError, match="its combinations differ") as caught:
            sweep(resume=True).plan([*JOBS[:2], ["seed=4"]])
        assert caught.value.differences == ["job 2 (seed=3) was removed", "seed=4 was added"]

    def test_long_lists_of_differences_are_truncated(self) -> None:
        run(sweep())
        with pytest.raises(SweepError, match="  and 10 more") as caught:
            sweep({**BASE, **{f"key{number}": 1 for number in range(30)}}, resume=True)
        assert len(caught.value.differences) == 30

    def test_infinity_and_numeric_keys_are_not_differences(self) -> None:
        base = {"limit": math.inf, "codes": {1: "a"}, "none": math.nan}
        run(sweep(base), failing=(0,))
        assert sweep(base, resume=True).plan(JOBS) == [0]

    def test_a_folder_without_a_sweep_is_rejected(self) -> None:
        with pytest.raises(SweepError, match="sweep contains no sweep to resume"):
            sweep(resume=True)

    def test_a_folder_in_use_is_rejected(self) -> None:
        run(sweep())
        with pytest.raises(SweepError, match="sweep already contains a sweep"):
            sweep()


class TestPromote:
    def registered(self, n_versions: int = 3) -> None:
        store = client()
        store.create_registered_model("sums")
        for _ in range(n_versions):
            store.create_model_version("sums", str(Path("model").absolute()))

    def test_moves_the_alias_to_the_best_version(self) -> None:
        one = sweep()
        one.plan(JOBS)
        with one.running():
            self.registered()
            for number in range(3):
                leave(number, metrics={"r2": -abs(number - 1)}, version=str(number + 1))
        winner = one.promote("champion")
        assert winner is not None
        assert winner.number == 1
        assert int(client().get_model_version_by_alias("sums", "champion").version) == 2
        (move,) = Aliases(client(), "sums").state("champion").moves
        assert (move.by, move.before, move.to, move.why) == (
            "sweep",
            None,
            2,
            "job 1 is the best of 3 by r2",
        )

    def test_a_protected_alias_is_not_moved(self) -> None:
        one = sweep()
        one.plan(JOBS)
        with one.running():
            self.registered()
            Aliases(client(), "sums").protect("champion")
            leave(0, metrics={"r2": 0.5}, version="1")
        with pytest.raises(
            SweepError, match="to version 1: champion was not moved: champion of sums is protected"
        ) as caught:
            one.promote("champion")
        assert "task=promote" in caught.value.remedy
        assert client().get_registered_model("sums").aliases == {}

    def test_without_versions_or_scores_no_alias_is_moved(self) -> None:
        one = sweep()
        run(one)
        assert one.promote("champion") is None
        other = sweep(resume=True)
        other.plan(JOBS)
        with other.running():
            leave(0, version="1")
        assert other.promote("champion") is None

    def test_an_error_of_the_store_is_raised(self) -> None:
        one = sweep()
        one.plan(JOBS)
        with one.running():
            leave(0, metrics={"r2": 0.5}, version="7")
        with pytest.raises(
            SweepError, match=r"sweep\.promote=champion: cannot move the alias to version 7"
        ):
            one.promote("champion")


def test_an_adaptive_sweep_adds_jobs() -> None:
    one = sweep()
    assert one.extend(JOBS[:1]) == [0]
    with one.running():
        assert one.extend(JOBS[1:]) == [1, 2]
        record = SweepRecord.read(FOLDER)
        assert record is not None
        assert record.jobs == JOBS
