"""Processes that move one alias at the same moment."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from typing import Any

from mlflow import MlflowClient

from modelpact.errors import AliasError
from modelpact.registry.aliases import Aliases


def race(uri: str, name: str, alias: str, rounds: int, racers: int = 2) -> list[int]:
    """Let processes move an alias from what it names to a version of their own, round by round.

    Args:
        uri: The store; the model has a version more than there are processes, at least.
        name: The registered model.
        alias: What is moved.
        rounds: How often.
        racers: How many processes.

    Returns:
        The version that the winner of each round moved it to.

    Raises:
        AssertionError: A round had no winner, or several; or a loser was told something else than that he had lost.
    """
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(racers), context.Queue()
    place = (uri, name, alias)
    processes = [
        context.Process(target=_racer, args=(number, place, rounds, barrier, results))
        for number in range(racers)
    ]
    for process in processes:
        process.start()
    told = [results.get(timeout=120) for _ in range(rounds * racers)]
    for process in processes:
        process.join()
    others = [text for _, _, text in told if text != "won" and "was not moved" not in text]
    assert others == []
    winners = {number: to for number, to, text in told if text == "won"}
    assert Counter(number for number, _, text in told if text == "won") == dict.fromkeys(
        range(rounds), 1
    )
    return [winners[number] for number in range(rounds)]


def _racer(
    number: int, place: tuple[str, str, str], rounds: int, barrier: Any, results: Any
) -> None:
    uri, name, alias = place
    aliases = Aliases(MlflowClient(uri, uri), name)
    for turn in range(rounds):
        current = aliases.state(alias).current
        to = [version for version in range(1, 100) if version != current][number]
        barrier.wait(60)
        try:
            text = "won" if aliases.move(alias, to, expected=current) is not None else "not moved"
        except AliasError as error:
            text = error.message
        results.put((turn, to, text))
        barrier.wait(60)
