"""Hundreds of processes: a parent with all imports forks them, kills them, and inspects the result.

Usage: python -m tests.support.forks {open|schema|job|signal|sweep|predict} COUNT [SEED]. It uses the working folder and prints its counts as JSON.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import random
import signal
import sqlite3
import statistics
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
from hydra.core.global_hydra import GlobalHydra
from mlflow import MlflowClient

from modelpact import publish
from modelpact.cli.main import main
from modelpact.cli.tasks import RepairTask
from modelpact.loaders import CustomLoader
from modelpact.tracking import SqliteTracking
from modelpact.types import Job
from tests.support.publishing import steps

LOG = Path("children.log").absolute()
ENDED = Path("ended").absolute()
"""The time at which the last process ended."""

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

PUBLISH = (
    "data=inline",
    "data.inputs=[{a: 1.0, b: 2.0}, {a: 2.0, b: 4.0}, {a: 3.0, b: 1.0}]",
    "data.targets=[3.0, 6.0, 4.0]",
    "saver.pip_requirements=[scikit-learn]",
    "name=sums",
)
SWEEP = ("-m", "model.estimator.alpha=1.0,2.0")


def fork(work: Callable[[], object]) -> int:
    """Run a function in a new process and return its PID."""
    child = os.fork()
    if child:
        return child
    status = 1
    with LOG.open("a") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    try:
        # `nohup` and shells let background processes ignore some signals.
        for number in SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        work()
        status = 0
    except SystemExit as error:
        status = int(error.code or 0)
    except KeyboardInterrupt:
        status = 130
    except BaseException:
        traceback.print_exc()
    finally:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        sys.stdout.flush()  # its output is in the log
        ENDED.write_text(str(time.monotonic()))
        os._exit(status)


def ended_well(child: int) -> bool:
    return os.waitpid(child, 0)[1] == 0


def run(work: Callable[[], object]) -> bool:
    """Run a function in a new process; return whether it succeeded."""
    return ended_well(fork(work))


def length(work: Callable[[], object]) -> float:
    """Return the median duration in seconds."""
    taken = []
    for _ in range(5):
        began = time.perf_counter()
        assert run(work), LOG.read_text()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def killed(work: Callable[[], object], seconds: float) -> bool:
    """Run a function in a process that is killed after some seconds; return whether it was still running."""
    child = fork(work)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def until(kills: int, counts: dict[str, int]) -> Iterator[int]:
    """Yield numbers until enough processes were killed; one that ends by itself does not count."""
    for number in range(3 * kills):
        if counts["kills"] == kills:
            return
        yield number


def place(folder: Path | str, cache: Path | str | None = None) -> None:
    """Change to a folder, which is created if necessary."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    os.chdir(folder)
    if cache is not None:
        os.environ["MODELPACT_CACHE"] = str(Path(cache).absolute())


def open_store() -> None:
    with SqliteTracking().open() as opened:
        assert len(opened.client.search_experiments()) == 2


def repair() -> None:
    RepairTask(tracking=SqliteTracking()).run(Path())


def sound(file: Path) -> bool:
    with contextlib.closing(sqlite3.connect(file)) as database:
        return list(database.execute("PRAGMA integrity_check")) == [("ok",)]


def opens(rounds: int) -> dict[str, Any]:
    """Let 16 processes open one new store per round; every fourth round creates the template, too."""
    failed = 0
    top = Path.cwd()
    for number in range(rounds):
        place(top / str(number), top / (f"cache{number}" if number % 4 == 0 else "cache"))

        def work() -> None:
            while not Path("go").exists():
                time.sleep(0.001)
            open_store()

        children = [fork(work) for _ in range(16)]
        Path("go").touch()
        failed += sum(not ended_well(child) for child in children)
    return {"opened": rounds * 16, "failed": failed}


def schemas(kills: int) -> dict[str, Any]:
    """Kill processes while they create a store and its template, and check that the store opens."""
    top = Path.cwd()

    def opened(folder: Path | None = None) -> None:
        folder = folder or top / f"measured{os.getpid()}"
        place(folder, folder / "cache")
        open_store()

    whole = length(opened)
    counts = {
        "kills": 0,
        "half_made": 0,
        "never_open_again": 0,
        "unsound": 0,
        "left_by_kills": 0,
        "left_after_repair": 0,
    }
    for number in until(kills, counts):
        folder = top / str(number)
        counts["kills"] += killed(functools.partial(opened, folder), random.uniform(0, whole))
        place(folder, folder / "cache")
        counts["half_made"] += bool(
            list(folder.rglob("modelpact-*")) or list(folder.rglob(".*.new*"))
        )
        counts["never_open_again"] += not run(open_store)
        counts["unsound"] += not sound(folder / "mlflow.db")
        counts["left_by_kills"] += len([*folder.rglob("modelpact-*"), *folder.rglob(".*.new*")])
        run(repair)
        counts["left_after_repair"] += len([*folder.rglob("modelpact-*"), *folder.rglob(".*.new*")])
    return {"seconds": round(whole, 3), **counts}


def left() -> list[str]:
    """Return every temporary file and folder."""
    aside = [*Path().rglob(".*.new*"), *Path(os.environ["MODELPACT_CACHE"]).rglob(".*.new*")]
    folders = [
        *Path(os.environ["MODELPACT_CACHE"]).glob("modelpact-*"),
        *Path(tempfile.gettempdir()).iterdir(),
    ]
    return sorted(path.name for path in [*aside, *folders])


def jobs(kills: int) -> dict[str, Any]:
    """Kill jobs on one store, then inspect it, repair it, and inspect it again."""
    place("jobs", "cache")

    def job(name: str) -> None:
        publish(**steps(), folder=Path("outputs") / name, job=Job({"model": {"factor": 2.0}}))

    whole = length(lambda: job(f"measured{os.getpid()}"))
    counts = {"kills": 0, "unsound": 0, "next_run_failed": 0}
    for number in until(kills, counts):
        counts["kills"] += killed(functools.partial(job, str(number)), random.uniform(0, whole))
        counts["unsound"] += not sound(Path("mlflow.db"))
        if number % 20 == 19:
            counts["next_run_failed"] += not run(functools.partial(job, f"next{number}"))
    before = asked()
    LOG.write_text("")
    assert run(repair), LOG.read_text()
    said = LOG.read_text().splitlines()
    LOG.write_text("")
    assert run(repair), LOG.read_text()
    again = LOG.read_text().splitlines()
    counts["next_run_failed"] += not run(functools.partial(job, "last"))
    return {
        "seconds": round(whole, 3),
        **counts,
        "before": before,
        "repaired": len(said),
        "after": asked(),
        "said_again": again,
    }


def command(*arguments: str) -> None:
    """Run a command of the command line."""
    GlobalHydra.instance().clear()
    sys.argv = ["modelpact", *arguments]
    main()


def shot(work: Callable[[], object], number: signal.Signals, seconds: float) -> int | None:
    """Send a signal to a process at a random moment, and sometimes once more while it cleans up.

    Returns:
        The exit status; None if the process had ended before.
    """
    child = fork(work)
    time.sleep(random.uniform(0, seconds))
    os.kill(child, number)
    sent = time.monotonic()
    if random.random() < 0.3:
        time.sleep(random.uniform(0, 0.1))
        os.kill(child, number)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code == 0 and float(ENDED.read_text()) < sent:
        return None
    return code if code >= 0 else 128 - code


def signals(shots: int, *arguments: str) -> dict[str, Any]:
    """Stop commands with signals; nothing may stay open or half-registered, without a repair."""
    place("signals", "cache")
    subfolder = "hydra.sweep.dir" if "-m" in arguments else "hydra.run.dir"

    def work(name: str) -> None:
        command(*PUBLISH, *arguments, f"{subfolder}=outputs/{name}")

    seconds = length(lambda: work(f"measured{os.getpid()}"))
    exits: dict[str, dict[int, int]] = {}
    for number in SIGNALS:
        counts: Counter[int] = Counter()
        for attempt in range(3 * shots):
            if counts.total() == shots:
                break
            status = shot(functools.partial(work, f"{number.name}{attempt}"), number, seconds)
            counts.update([] if status is None else [status])
            # Follow the load of the machine.
            seconds *= 0.9 if status is None else 1.02
        exits[number.name] = dict(counts)
    assert run(functools.partial(work, "last")), LOG.read_text()
    return {"seconds": round(seconds, 3), "exits": exits, **asked()}


def predictions(shots: int) -> dict[str, Any]:
    """Stop batches with signals, and resume them; count those whose output differs."""
    place("predictions", "cache")
    assert run(lambda: command(*PUBLISH)), LOG.read_text()
    rows = "".join(f"{number}.5,{number % 7}.25\n" for number in range(20_000))
    Path("rows.csv").write_text(f"a,b\n{rows}")

    def work(name: str, *arguments: str) -> None:
        command(
            *("task=predict", "task.uri=models:/sums/1", "task.batch_size=500", "data=csv"),
            *("data.path=rows.csv", f"task.out={name}.csv", "hydra.run.dir=outputs", *arguments),
        )

    assert run(functools.partial(work, "reference")), LOG.read_text()
    reference = Path("reference.csv").read_bytes()
    seconds = length(lambda: work(f"measured{os.getpid()}"))
    exits: Counter[str] = Counter()
    counts = {"left": 0, "not_resumed": 0, "different": 0}
    for number in range(shots):
        out = Path(f"{number}.csv")
        sent = SIGNALS[number % len(SIGNALS)]
        status = shot(functools.partial(work, str(number)), sent, seconds)
        exits[f"{sent.name} {status}"] += 1
        seconds *= 0.9 if status is None else 1.02
        counts["left"] += len([*Path().glob(".*.new*"), *left()])
        resumed = out.exists() or run(functools.partial(work, str(number), "task.resume=true"))
        counts["not_resumed"] += not resumed
        counts["different"] += resumed and out.read_bytes() != reference
    return {"seconds": round(seconds, 3), "exits": exits, **counts}


def asked() -> dict[str, Any]:
    """Return the content of the store, read by a new process."""
    answer = Path("answer.json")
    assert run(lambda: answer.write_text(json.dumps(state()))), LOG.read_text()
    found: dict[str, Any] = json.loads(answer.read_text())
    return found


def state() -> dict[str, Any]:
    receipts = [json.loads(path.read_text()) for path in Path("outputs").rglob("receipt.json")]
    acknowledged = sorted(int(one["version"]) for one in receipts if one["version"])
    with SqliteTracking().open() as store:
        client: MlflowClient = store.client
        runs = client.search_runs([store.experiment_id], max_results=5000)
        models: list[Any] = []
        token = None
        while True:
            page = client.search_logged_models(
                [store.experiment_id], max_results=500, page_token=token
            )
            models += page
            token = page.token
            if not token:
                break
        versions = client.search_model_versions(max_results=5000)
        sources = {version.source for version in versions}
        unloadable = []
        for number in acknowledged:
            try:
                CustomLoader().load(f"models:/sums/{number}").predict(
                    pd.DataFrame({"a": [1.0], "b": [2.0]})
                )
            except Exception as error:  # every error counts
                unloadable.append(f"{number}: {error}")
        numbers = sorted(int(version.version) for version in versions)
        return {
            "runs": len(runs),
            "runs_by_status": Counter(run.info.status for run in runs),
            "models_by_status": Counter(model.status for model in models),
            "running": sum(run.info.status == "RUNNING" for run in runs),
            "models": len(models),
            "pending": sum(model.status == "PENDING" for model in models),
            "ready_without_version": sum(
                model.status == "READY" and model.model_uri not in sources for model in models
            ),
            "versions": len(versions),
            "not_ready": sum(
                model.status != "READY" and model.model_uri in sources for model in models
            ),
            "without_gaps": numbers == list(range(1, len(numbers) + 1)),
            "acknowledged": len(acknowledged),
            "acknowledged_missing": sorted(set(acknowledged) - set(numbers)),
            "unloadable": unloadable,
            "left": left(),
        }


if __name__ == "__main__":
    random.seed(int(sys.argv[3]) if len(sys.argv) > 3 else None)
    place("warm", "warm-cache")
    publish(**steps(), job=Job({"a": 1}))  # in this process: it imports everything
    what, count = sys.argv[1:3]
    accounts: dict[str, Callable[[int], dict[str, Any]]] = {
        "open": opens,
        "schema": schemas,
        "job": jobs,
        "signal": signals,
        "sweep": lambda count: signals(count, *SWEEP),
        "predict": predictions,
    }
    if what in ("signal", "sweep", "predict"):
        with contextlib.redirect_stdout(sys.stderr):
            command(*PUBLISH, *(SWEEP if what == "sweep" else ()))
    os.chdir("..")
    account = accounts[what](int(count))
    sys.stdout.write(json.dumps(account, indent=1) + "\n")
