from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import mlflow
import pytest
from pytest_mock import MockerFixture

from tests.support.commands import CommandRunner, modelpact
from tests.support.many_cases import sample_params
from tests.support.publishing import client, experiment_id, saved_statuses, versions

__all__ = ["modelpact"]  # the fixture

ROOT = Path(__file__).parents[2]
QUICK = ("saver.pip_requirements=[scikit-learn]",)


def only_receipt() -> dict[str, Any]:
    """Return the receipt of the only run in this folder."""
    (path,) = Path().glob("outputs/*/*/receipt.json")
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def test_one_command_publishes_version_1(modelpact: CommandRunner) -> None:
    ended = modelpact(*QUICK)
    assert ended.status == 0
    assert ended.out.startswith("registered diabetes version 1; r2=")
    assert "5 of 5 checks passed" in ended.out
    assert ended.out.count("\n") == 1
    assert (only_receipt()["status"], only_receipt()["version"]) == ("ok", "1")
    assert versions("diabetes") == [1]


def test_the_stable_keys_take_effect(modelpact: CommandRunner) -> None:
    Path("table.csv").write_text(
        "a,b,price\n" + "".join(f"{n},{n * 2.5},{n * 3}\n" for n in range(20))
    )
    ended = modelpact(
        "data=csv",
        "data.path=table.csv",
        "data.target=price",
        "name=prices",
        "seed=3",
        "tracking.uri=sqlite:///own.db",
        "tracking.experiment=trials",
        "register.aliases=[champion]",
        "+register.tags.team=lab",
        "signer=explicit",
        "signer.inputs={a: long, b: double}",
        "signer.outputs='float64[-1]'",
        *QUICK,
    )
    assert ended.status == 0, ended.err
    uri = f"sqlite:///{Path('own.db').absolute()}"
    own = mlflow.MlflowClient(uri, uri)
    assert own.get_model_version_by_alias("prices", "champion").tags["team"] == "lab"
    assert own.get_experiment_by_name("trials") is not None
    assert not Path("mlflow.db").exists()


def test_a_failed_run_writes_its_receipt_and_log(modelpact: CommandRunner) -> None:
    ended = modelpact("data=iris", "model.classifier=null", *QUICK)
    assert ended.status == 1
    assert "Traceback" not in ended.err
    assert only_receipt()["status"] == "failed"
    assert only_receipt()["stage"] == "fit"
    (log,) = Path().glob("outputs/*/*/modelpact.log")
    assert "Traceback" in log.read_text()
    assert client().search_registered_models() == []


@pytest.mark.slow
def test_the_same_job_is_reused(modelpact: CommandRunner) -> None:
    modelpact(*QUICK)
    ended = modelpact("register.if_exists=reuse", *QUICK)
    assert ended.out.startswith("reused diabetes version 1")
    assert versions() == [1]
    assert modelpact("register.if_exists=error", *QUICK).status == 1
    assert modelpact("register.if_exists=reuse", "model.estimator.alpha=2", *QUICK).out.startswith(
        "registered diabetes version 2"
    )


@pytest.mark.parametrize("argument", ["--help", "-h"])
def test_help_names_every_group_and_option(argument: str, modelpact: CommandRunner) -> None:
    ended = modelpact(argument)
    assert ended.status == 0
    for word in (
        "signer=",
        "type_hint",
        "data=",
        "diabetes",
        "experiment=",
        "tensor",
        "tracking=",
        "sqlite",
    ):
        assert word in ended.out
    assert not Path("outputs").exists()


def test_the_composed_configuration_is_printed(modelpact: CommandRunner) -> None:
    ended = modelpact("signer=explicit", "--cfg", "job")
    assert ended.status == 0
    assert "_target_: modelpact.signers.ExplicitSigner" in ended.out
    assert not Path("outputs").exists()


def test_ctrl_c_ends_with_130(modelpact: CommandRunner, mocker: MockerFixture) -> None:
    mocker.patch("sklearn.linear_model.Ridge.fit", side_effect=KeyboardInterrupt)
    ended = modelpact(*QUICK)
    assert ended.status == 130
    assert ended.err.endswith("interrupted\n")
    assert "Traceback" not in ended.err
    assert only_receipt()["stage"] == "fit"
    assert [run.info.status for run in client().search_runs([experiment_id()])] == ["KILLED"]


def test_a_signal_that_a_library_turns_into_an_error_determines_the_status(
    modelpact: CommandRunner, mocker: MockerFixture
) -> None:
    def build(*_: object) -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            raise UnboundLocalError("as Hydra does while it reads a file")

    mocker.patch("modelpact.cli.compose.build", side_effect=build)
    ended = modelpact(*QUICK)
    assert (ended.status, ended.err) == (143, "")


def test_the_full_error_is_a_traceback_on_demand(
    modelpact: CommandRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    ended = modelpact("name=a/b")
    assert ended.err.startswith("Traceback")
    assert "modelpact.errors.ConfigError" in ended.err
    assert os.environ["HYDRA_FULL_ERROR"] == "1"


def test_a_bug_prints_its_traceback_without_keys(
    modelpact: CommandRunner, mocker: MockerFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAILER_KEY", "plover-77xkT-91ab")
    fault = ZeroDivisionError("a fault of plover-77xkT-91ab")
    mocker.patch("modelpact.cli.compose.build", side_effect=fault)
    ended = modelpact("task=publish")
    assert ended.status == 1
    assert ended.err.startswith("Traceback")
    assert ended.err.endswith("ZeroDivisionError: a fault of [redacted]\n")


def test_the_environment_is_restored(modelpact: CommandRunner) -> None:
    before = {key: value for key, value in os.environ.items() if key != "MLFLOW_LOGGING_LEVEL"}
    modelpact(*QUICK)
    assert {
        key: value for key, value in os.environ.items() if key != "MLFLOW_LOGGING_LEVEL"
    } == before


def test_the_saved_model_is_ready(modelpact: CommandRunner) -> None:
    modelpact(*QUICK)
    assert saved_statuses() == ["READY"]


RUN_PY, SCRIPT = (
    [sys.executable, str(ROOT / "run.py")],
    [str(Path(sys.executable).with_name("modelpact"))],
)


@pytest.mark.slow
# The tests of the wheel publish with the console script.
@pytest.mark.parametrize(
    "command",
    [RUN_PY, pytest.param(SCRIPT, marks=pytest.mark.exhaustive)],
    ids=["run.py", "modelpact"],
)
def test_run_py_and_the_console_script_publish(command: list[str]) -> None:
    good = subprocess.run(
        [*command, "signer=infer", *QUICK], capture_output=True, text=True, check=False
    )
    assert (good.returncode, good.stderr) == (0, "")
    assert good.stdout.startswith("registered diabetes version 1")


@pytest.mark.parametrize("command", [RUN_PY, SCRIPT], ids=["run.py", "modelpact"])
@pytest.mark.slow
def test_run_py_and_the_console_script_report_errors(command: list[str]) -> None:
    bad = subprocess.run([*command, "signer=infr"], capture_output=True, text=True, check=False)
    assert (bad.returncode, bad.stdout) == (2, "")
    assert bad.stderr.startswith("error: unknown signer 'infr' (did you mean 'infer'?)")


@pytest.mark.slow
def test_a_terminal_shows_at_once_that_a_run_has_started() -> None:
    started = time.monotonic()
    reading, terminal = pty.openpty()
    with subprocess.Popen([*RUN_PY, "signer=infr"], stderr=terminal) as process:
        assert os.read(reading, 1000) == b"starting\r"
        # 0.1 seconds on an idle machine.
        assert time.monotonic() - started < 2
        process.wait()
    assert os.read(reading, 1000).startswith(b"\x1b[Kerror: unknown signer")
    os.close(terminal)
    os.close(reading)


@pytest.mark.parametrize(
    "option", sample_params(["default", "disabled", "stdout", "none"], every=3)
)
def test_hydras_options_of_logging_work(modelpact: CommandRunner, option: str) -> None:
    result = modelpact("task=inspect", f"hydra/job_logging={option}")
    assert result.status == 0, result.err


@pytest.mark.parametrize(
    "arguments", [["--help"], pytest.param(["task=inspect"], marks=pytest.mark.slow)]
)
def test_a_closed_pipe_is_silent(arguments: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-c", "from modelpact.cli.main import main; main()", *arguments]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no full device")
@pytest.mark.parametrize("arguments", [["--help"], ["--cfg", "job"]])
def test_a_full_disk_is_one_error(arguments: list[str]) -> None:
    command = [sys.executable, str(ROOT / "run.py"), *arguments]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr.splitlines()[:-1]) == (
        1,
        ["error: cannot write the output: No space left on device"],
    )


def test_help_lists_the_options_of_a_config_dir(modelpact: CommandRunner, tmp_path: Path) -> None:
    (tmp_path / "mine/signer").mkdir(parents=True)
    (tmp_path / "mine/signer/strict.yaml").write_text("# Refuses everything\n_target_: a.B\n")
    text = modelpact("--config-dir", str(tmp_path / "mine"), "--help").out
    assert "  strict       Refuses everything" in text


def test_help_lists_the_options_of_installed_packages(tmp_path: Path) -> None:
    plugin = tmp_path / "hydra_plugins/their_search_path.py"
    plugin.parent.mkdir()
    plugin.write_text(
        "from hydra.plugins.search_path_plugin import SearchPathPlugin\n"
        "class TheirSearchPath(SearchPathPlugin):\n"
        "    def manipulate_search_path(self, search_path):\n"
        "        search_path.append('theirs', 'pkg://theirs.conf')\n"
        "        search_path.append('gone', 'pkg://gone.conf')\n"
    )
    entry_points = tmp_path / "ours-1.0.dist-info/entry_points.txt"
    entry_points.parent.mkdir()
    entry_points.write_text("[modelpact.conf]\nours = ours.conf\n")
    for name, group in (("theirs", "signer"), ("ours", "data"), ("more", "model")):
        option = tmp_path / name / "conf" / group / f"of_{name}.yaml"
        option.parent.mkdir(parents=True)
        option.write_text(f"# From {name}\n_target_: a.B\n")
        (option.parent / "csv.yaml").write_text("# Hidden by the option of modelpact\n")
    command = "from modelpact.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", command, "hydra.searchpath=[pkg://more.conf]", "--help"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    groups = {part.split("=")[0]: part for part in done.stdout.split("\n\n")}
    assert "  of_theirs    From theirs" in groups["signer"]
    assert "  of_ours      From ours" in groups["data"]
    assert "  of_more      From more" in groups["model"]
    assert "Hidden" not in groups["data"]
