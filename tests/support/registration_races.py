"""Processes that run the same jobs at the same time.

`python -m tests.support.registration_races 100` runs 100 races and prints a summary.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from typing import Any

from modelpact.registers import MlflowRegister

PROCESSES = 2

_meeting: dict[str, Any] = {}
"""The barrier of the processes; a frozen register of plain data cannot hold it."""


class RacingRegister(MlflowRegister):
    """Creates its version at the same time as the other processes."""

    def register(self, name: str, model_uri: str, *, tags: dict[str, str] | None = None) -> Any:
        _meeting["barrier"].wait(60)
        return super().register(name, model_uri, tags=tags)


@dataclass(frozen=True)
class Outcome:
    """The outcome of one job in one process: `created`, `reused` or `rejected`, and the version."""

    job: int
    how: str
    version: str
    job_key: str | None
    model_uri: str | None


def _run(barrier: Any, outcomes: Any, if_exists: Any, jobs: int) -> None:
    from modelpact import publish
    from modelpact.errors import RegisterError
    from tests.support.publishing import not_none, steps
    from tiny_models import Doubler

    _meeting["barrier"] = barrier
    register = RacingRegister(
        if_exists=if_exists, aliases=["champion"], compatibility="backward_transitive"
    )
    for job in range(jobs):
        try:
            done = publish(**steps(register=register, model=Doubler(factor=job + 1.0)))
            outcomes.put(
                Outcome(
                    job,
                    "reused" if done.reused else "created",
                    str(done.version),
                    done.job_key,
                    done.model_uri,
                )
            )
        except RegisterError as error:
            receipt = not_none(error.receipt)
            outcomes.put(
                Outcome(
                    job,
                    "rejected",
                    str(getattr(error, "version", None)),
                    receipt.job_key,
                    receipt.model_uri,
                )
            )


def race_to_register(if_exists: Any, jobs: int) -> list[Outcome]:
    """Run the same jobs in two processes; return the outcome of each job in each process."""
    context = multiprocessing.get_context("spawn")
    barrier, outcomes = context.Barrier(PROCESSES), context.Queue()
    processes = [
        context.Process(target=_run, args=(barrier, outcomes, if_exists, jobs))
        for _ in range(PROCESSES)
    ]
    for process in processes:
        process.start()
    found = [outcomes.get(timeout=120) for _ in range(PROCESSES * jobs)]
    for process in processes:
        process.join(60)
    return sorted(found, key=lambda outcome: (outcome.job, outcome.how))


def main() -> None:
    """Run the races and print a summary."""
    from tests.support.publishing import client, versions

    jobs = int(sys.argv[1])
    for if_exists in sys.argv[2:] or ("reuse", "error"):
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            found = race_to_register(if_exists, jobs)
            ways = Counter(
                " + ".join(one.how for one in found if one.job == job) for job in range(jobs)
            )
            same = sum(
                len({one.version for one in found if one.job == job}) == 1 for job in range(jobs)
            )
            keys = Counter(
                version.tags["modelpact.job_key"]
                for version in client().search_model_versions("name = 'sums'")
            )
            models = client().search_logged_models(["1"], max_results=1000)
            statuses = Counter(str(model.status) for model in models)
            summary = [
                f"if_exists={if_exists}: {jobs} races of {PROCESSES} processes: {dict(ways)}",
                f"both name the same version in {same}",
                f"versions a job: {dict(Counter(keys.values()))}",
                f"numbers 1 to {max(versions())}, {len(versions())} of them there",
                f"models: {dict(statuses)}",
            ]
            sys.stdout.write("; ".join(summary) + "\n")
            os.chdir("/")


if __name__ == "__main__":
    main()
