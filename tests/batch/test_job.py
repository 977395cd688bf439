"""Batches are resumed, rejected and finished; the local engine runs them in threads and processes."""

from __future__ import annotations

import errno
import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from filelock import FileLock

from modelpact.batch import Batch, engine_local
from modelpact.batch.base import Part, PartResult
from modelpact.batch.scoring import Scorer
from modelpact.data import CsvData
from modelpact.errors import ConfigError, DataError, InputsError, PredictError
from modelpact.loaders import Adapter, CustomLoader
from tests.support.batch_runs import read_predictions, run_batch, write_script

PARTS = Path(".out.csv.parts")


def stopped(scripted: Adapter) -> None:
    """Leave a batch of which five parts of ten are done."""
    with pytest.raises(PredictError, match=r"5 parts are done; continue with task\.resume=true"):
        run_batch(scripted, write_script(row22="fail"), "out.csv", batch_size=1)
    assert len(list(PARTS.glob("*.arrow"))) == 5
    assert not Path("out.csv").exists()


class TestResume:
    def test_finished_parts_are_not_repeated(
        self, scripted: Adapter, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stopped(scripted)
        calls: list[int] = []
        score = Scorer.score

        def count(self: Scorer, part: Part) -> PartResult:
            calls.append(part.index)
            return score(self, part)

        monkeypatch.setattr(Scorer, "score", count)
        with pytest.raises(PredictError):
            run_batch(scripted, "in.csv", "out.csv", batch_size=1, resume=True)
        assert calls == [5]
        monkeypatch.setattr(
            scripted, "_call", lambda inputs, params: inputs["n"].to_numpy(dtype=float)
        )
        done = run_batch(scripted, "in.csv", "out.csv", batch_size=1, resume=True)
        assert (done.n_resumed, done.n_predicted) == (5, 40)
        assert calls == [5, 5, 6, 7, 8, 9]
        assert read_predictions() == list(range(40))
        assert not PARTS.exists()

    def test_earlier_rejects_are_kept(
        self, scripted: Adapter, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with pytest.raises(PredictError):
            run_batch(
                scripted,
                write_script(row3=0.5, row22="fail"),
                "out.csv",
                batch_size=1,
                on_error="reject",
            )
        monkeypatch.setattr(
            scripted, "_call", lambda inputs, params: inputs["n"].to_numpy(dtype=float)
        )
        done = run_batch(
            scripted, "in.csv", "out.csv", batch_size=1, resume=True, on_error="reject"
        )
        assert (done.n_resumed, done.n_predicted, done.n_rejected) == (5, 39, 1)
        assert json.loads(Path("out.rejects.jsonl").read_text())["row"] == 3

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"batch_size": 2}, r"batch_size: was 1, is 2"),
            ({"params": {"x": 1}}, r"params: was None, is \{'x': 1\}"),
            ({"keep": ("do",)}, r"keep: was \[\], is \['do'\]"),
            ({"loader": CustomLoader(policy="strict")}, "policy: was lossless, is strict"),
        ],
    )
    def test_changed_options_are_rejected(
        self, scripted: Adapter, changes: dict[str, Any], message: str
    ) -> None:
        stopped(scripted)
        with pytest.raises(ConfigError, match=message):
            run_batch(scripted, "in.csv", "out.csv", resume=True, **{"batch_size": 1, **changes})
        assert len(list(PARTS.glob("*.arrow"))) == 5

    def test_another_input_or_model_is_rejected(self, scripted: Adapter, table: Adapter) -> None:
        stopped(scripted)
        with pytest.raises(ConfigError, match="model: was models:/it/1, is models:/it/2"):
            Batch(
                data=CsvData(path="in.csv"),
                adapter=scripted,
                loader=CustomLoader(),
                uri="models:/it/2",
                out=Path("out.csv"),
                batch_size=1,
                resume=True,
            ).run()
        write_script(41)
        changed = (
            r"in\.csv has changed since out\.csv was started: the size in bytes was \d+, is \d+"
        )
        with pytest.raises(ConfigError, match=changed):
            run_batch(scripted, "in.csv", "out.csv", batch_size=1, resume=True)

    def test_an_unfinished_job_is_not_restarted_implicitly(self, scripted: Adapter) -> None:
        stopped(scripted)
        with pytest.raises(
            ConfigError,
            match=r"unfinished: 5 parts are done\nContinue with task\.resume=true",
        ):
            run_batch(scripted, "in.csv", "out.csv", batch_size=1)
        done = run_batch(scripted, write_script(), "out.csv", batch_size=1, overwrite=True)
        assert (done.n_resumed, done.n_predicted) == (0, 40)

    def test_without_finished_parts_it_starts(self, scripted: Adapter) -> None:
        assert run_batch(scripted, write_script(), "out.csv", resume=True).n_resumed == 0

    def test_concurrent_jobs_are_rejected(self, scripted: Adapter) -> None:
        PARTS.mkdir()
        with (
            FileLock(PARTS / "lock"),
            pytest.raises(ConfigError, match="being written by another process"),
        ):
            run_batch(scripted, write_script(), "out.csv")

    def test_a_part_that_was_killed_is_repeated(self, scripted: Adapter) -> None:
        stopped(scripted)
        (PARTS / "00000005.new").write_bytes(b"half")
        (PARTS / "00000006.jsonl").write_text(
            '{"row": 25}\n'
        )  # rejects of a part that was not finished
        rows_again = scripted._call
        scripted._call = lambda inputs, params: inputs["n"].to_numpy(dtype=float)
        try:
            done = run_batch(scripted, "in.csv", "out.csv", batch_size=1, resume=True)
        finally:
            scripted._call = rows_again
        assert (done.n_predicted, done.n_rejected) == (40, 0)


class TestPaths:
    @pytest.mark.parametrize(
        ("out", "message"),
        [
            (
                "out.parkuet",
                r"unknown format '\.parkuet' \(did you mean '\.parquet'\?\)",
            ),
            ("out", "has no suffix"),
            ("in.csv", "is the input file"),
            ("./there/../in.csv", "is the input file"),
            ("nowhere/out.csv", "directory nowhere does not exist"),
            ("there.csv", "is a folder"),
            ("old.csv", r"exists\nReplace it with task\.overwrite=true"),
        ],
    )
    def test_invalid_output_paths(self, scripted: Adapter, out: str, message: str) -> None:
        write_script()
        Path("there").mkdir()
        Path("there.csv").mkdir()
        Path("old.csv").write_text("old")
        with pytest.raises(ConfigError, match=message):
            run_batch(scripted, "in.csv", out)
        assert Path("old.csv").read_text() == "old"

    def test_a_link_to_the_input_is_rejected(self, scripted: Adapter) -> None:
        write_script()
        Path("link.csv").symlink_to("in.csv")
        with pytest.raises(ConfigError, match="is the input file"):
            run_batch(scripted, "in.csv", "link.csv", overwrite=True)

    @pytest.mark.parametrize(
        ("path", "message"),
        [
            ("r.txt", r"must end in \.jsonl"),
            ("no/r.jsonl", "directory no does not exist"),
            ("in.jsonl", "is the input file"),
        ],
    )
    def test_invalid_reject_paths(self, scripted: Adapter, path: str, message: str) -> None:
        Path("in.jsonl").write_text('{"do": "x", "n": 1}\n')
        with pytest.raises(ConfigError, match=message):
            run_batch(scripted, "in.jsonl", "out.csv", rejects=Path(path), overwrite=True)

    def test_output_and_rejects_must_differ(self, scripted: Adapter) -> None:
        with pytest.raises(ConfigError, match="are the same file"):
            run_batch(scripted, write_script(), "x.jsonl", rejects=Path("x.jsonl"))

    def test_overwriting_removes_old_rejects(self, scripted: Adapter) -> None:
        run_batch(scripted, write_script(row3=0.5), "out.csv", on_error="reject")
        assert Path("out.rejects.jsonl").exists()
        with pytest.raises(ConfigError, match="exists"):
            run_batch(scripted, write_script(), "out.csv")
        run_batch(scripted, write_script(), "out.csv", overwrite=True)
        assert read_predictions() == list(range(40))
        assert not Path("out.rejects.jsonl").exists()

    @pytest.mark.parametrize(
        ("path", "message"), [("none.csv", "does not exist"), ("folder.csv", "is a folder")]
    )
    def test_unreadable_inputs(self, scripted: Adapter, path: str, message: str) -> None:
        Path("folder.csv").mkdir()
        with pytest.raises(DataError, match=message):
            run_batch(scripted, path, "out.csv")

    def test_a_full_disk(self, scripted: Adapter, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(*_: object) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        with monkeypatch.context() as patch:
            patch.setattr("modelpact.batch.merge.write_tables", full)
            with pytest.raises(DataError, match=r"No space left on device\nFree disk space"):
                run_batch(scripted, write_script(), "out.csv")
        assert sorted(path.name for path in Path().iterdir()) == [".out.csv.parts", "in.csv"]
        assert run_batch(scripted, "in.csv", "out.csv", resume=True).n_resumed == 1


class TestOrderedWorkers:
    def test_results_are_in_order(self) -> None:
        parts = [Part(index, index, 1) for index in range(200)]
        lanes = engine_local._OrderedWorkers(iter(parts), 8)

        def wait(part: Part) -> PartResult:
            time.sleep(0.001 * (part.index % 5))
            return PartResult(part, None, [])

        for _ in range(8):
            lanes.add(wait)
        assert [scored.part.index for scored in lanes.results()] == list(range(200))
        lanes.stop()

    def test_reading_ahead_is_limited(self) -> None:
        taken = []

        def parts() -> Iterator[Part]:
            for index in range(1000):
                taken.append(index)
                yield Part(index, index, 1)

        lanes = engine_local._OrderedWorkers(parts(), 2)
        for _ in range(2):
            lanes.add(lambda part: PartResult(part, None, []))
        results = lanes.results()
        next(results)
        time.sleep(0.05)
        assert len(taken) <= 6
        lanes.stop()

    def test_errors_are_raised_in_order(self) -> None:
        def parts() -> Iterator[Part]:
            yield Part(0, 0, 1)
            yield Part(1, 1, 1)
            raise DataError("broken")

        lanes = engine_local._OrderedWorkers(parts(), 4)
        for _ in range(4):
            lanes.add(lambda part: PartResult(part, None, []))
        found: list[PartResult] = []
        with pytest.raises(DataError, match="broken"):
            found.extend(lanes.results())
        lanes.stop()

    def test_processes_are_recommended_if_threads_block_each_other(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        clock = {"wall": 0.0, "cpu": 0.0}
        monkeypatch.setattr(time, "monotonic", lambda: clock["wall"])
        monkeypatch.setattr(time, "process_time", lambda: clock["cpu"])
        for wall, cpu, share, pays in (
            (20, 20, 0.1, True),
            (20, 39, 0.1, False),
            (20, 1, 0.1, False),
            (20, 20, 0.9, False),
        ):
            clock.update(wall=0.0, cpu=0.0)
            watch = engine_local._GilMonitor(2)
            assert not watch.recommends_processes(0.0)
            clock.update(wall=5.0, cpu=5.0)
            assert not watch.recommends_processes(share)
            clock.update(wall=float(wall), cpu=float(cpu))
            assert watch.recommends_processes(share) is pays


@pytest.mark.slow
class TestProcesses:
    def test_processes_predict_as_threads_do(self, scripted: Adapter) -> None:
        write_script(row7=0.5)
        done = run_batch(
            scripted, "in.csv", "out.csv", batch_size=1, processes=2, on_error="reject"
        )
        assert (done.n_predicted, done.n_rejected) == (39, 1)
        assert read_predictions() == [float(row) for row in range(40) if row != 7]

    def test_processes_are_added_if_recommended(
        self, scripted: Adapter, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(
            engine_local._GilMonitor, "recommends_processes", lambda self, share: share > 0.1
        )
        done = run_batch(scripted, write_script(), "out.csv", batch_size=1, workers=2)
        assert done.n_predicted == 40
        assert read_predictions() == list(range(40))

    def test_errors_equal_those_of_threads(self, scripted: Adapter) -> None:
        with pytest.raises(InputsError, match=r"row 7, n: expected long, got float64 0\.5"):
            run_batch(scripted, write_script(row7=0.5), "out.csv", batch_size=1, processes=2)

    def test_a_crashed_process(self, scripted: Adapter, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(engine_local, "score_in_worker", ended)
        with pytest.raises(
            PredictError, match=r"worker process died while (.|\n)*\nIt may have run out of memory"
        ):
            engine_local._score_in_process(
                ProcessPoolExecutor(1),
                SimpleNamespace(uri="models:/it/1"),  # type: ignore[arg-type]
                Part(0, 0, 1),
            )


def ended(plan: Any, part: Any) -> None:
    """End this process, as the kernel does where the memory is used up."""
    os._exit(1)
