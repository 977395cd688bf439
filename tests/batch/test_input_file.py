"""A changed input file ends a batch, and is not resumed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from modelpact.batch.base import Part, PartResult
from modelpact.batch.scoring import Scorer
from modelpact.errors import ConfigError, DataError, PredictError
from modelpact.loaders import Adapter
from tests.support.batch_runs import read_predictions, run_batch, write_script

PARTS = Path(".out.csv.parts")


class TestChangedInput:
    """The input file changes while a batch runs, or between two runs."""

    @staticmethod
    def change_during(monkeypatch: pytest.MonkeyPatch, change: Callable[[], object]) -> None:
        """Change the file after part 5 was read."""
        score = Scorer.score

        def change_and_score(self: Scorer, part: Part) -> PartResult:
            result = score(self, part)
            if part.index == 5:
                change()
            return result

        monkeypatch.setattr(Scorer, "score", change_and_score)

    @staticmethod
    def rewrite() -> None:
        """Change the content, and neither the size nor the modification time."""
        path, status = Path("in.csv"), os.stat("in.csv")
        path.write_bytes(path.read_bytes().replace(b"x,39", b"x,11"))
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

    def append(self) -> None:
        with Path("in.csv").open("a") as file:
            file.write("x,1\n")

    @pytest.mark.parametrize("check", ["stat", "digest"])
    @pytest.mark.parametrize("change", [append, lambda _: os.remove("in.csv")])
    def test_during_the_batch(
        self,
        scripted: Adapter,
        monkeypatch: pytest.MonkeyPatch,
        check: str,
        change: Callable[[object], object],
    ) -> None:
        write_script()
        content = Path("in.csv").read_bytes()
        status = os.stat("in.csv")
        with monkeypatch.context() as patch:
            self.change_during(patch, lambda: change(self))
            with pytest.raises(DataError, match=r"in\.csv changed while .*: ") as raised:
                run_batch(scripted, "in.csv", "out.csv", batch_size=1, check_input=check)
        assert raised.value.remedy == (
            "Restore the file and continue with task.resume=true, "
            "or start over with task.overwrite=true."
        )
        assert not Path("out.csv").exists()
        # The parts before the change are valid.
        assert len(list(PARTS.glob("*.arrow"))) == 5
        Path("in.csv").write_bytes(content)
        os.utime("in.csv", ns=(status.st_atime_ns, status.st_mtime_ns))
        options = {"batch_size": 1, "check_input": check, "resume": True}
        assert run_batch(scripted, "in.csv", "out.csv", **options).n_resumed == 5
        assert read_predictions() == list(range(40))

    def test_an_error_of_changed_rows_names_the_change(
        self, scripted: Adapter, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write_script()
        self.change_during(
            monkeypatch, lambda: Path("in.csv").write_bytes(Path("in.csv").read_bytes()[:60])
        )
        with pytest.raises(DataError, match="changed while the batch was running: the size"):
            run_batch(scripted, "in.csv", "out.csv", batch_size=1, workers=2)

    def test_only_a_digest_finds_a_change_without_another_time(
        self, scripted: Adapter, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.change_during(monkeypatch, self.rewrite)
        assert run_batch(scripted, write_script(), "out.csv", batch_size=1).n_predicted == 40
        with pytest.raises(DataError, match=r"the SHA-256 was [0-9a-f]{64}, is [0-9a-f]{64}"):
            run_batch(
                scripted,
                write_script(),
                "out.csv",
                batch_size=1,
                overwrite=True,
                check_input="digest",
            )
        # It is unknown which parts are those of the changed file.
        assert not PARTS.exists()

    @pytest.mark.parametrize("check", ["stat", "digest"])
    def test_another_time_of_the_same_content(
        self, scripted: Adapter, monkeypatch: pytest.MonkeyPatch, check: str
    ) -> None:
        self.change_during(monkeypatch, lambda: os.utime("in.csv", (0, 0)))
        if check == "digest":
            done = run_batch(scripted, write_script(), "out.csv", batch_size=1, check_input=check)
            assert done.n_predicted == 40
        else:
            with pytest.raises(DataError, match=r"the modification time was 20\d\d-.*, is 19"):
                run_batch(scripted, write_script(), "out.csv", batch_size=1)

    @pytest.mark.parametrize("check", ["stat", "digest"])
    def test_before_the_batch_is_resumed(self, scripted: Adapter, check: str) -> None:
        with pytest.raises(PredictError):
            run_batch(
                scripted, write_script(row22="fail"), "out.csv", batch_size=1, check_input=check
            )
        os.utime("in.csv", (0, 0))
        options = {"batch_size": 1, "resume": True}
        if check == "digest":
            with pytest.raises(PredictError, match="5 parts are done"):
                run_batch(scripted, "in.csv", "out.csv", check_input=check, **options)
            self.rewrite()
        with pytest.raises(
            ConfigError, match=r"in\.csv has changed since out\.csv was started: the"
        ):
            run_batch(scripted, "in.csv", "out.csv", check_input=check, **options)
        other = "stat" if check == "digest" else "digest"
        with pytest.raises(ConfigError, match=r"\n  check_input: was \w+, is \w+"):
            run_batch(scripted, "in.csv", "out.csv", check_input=other, **options)
