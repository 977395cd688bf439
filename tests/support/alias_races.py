"""Processes that move one alias at the same time."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from typing import Any

from mlflow import MlflowClient

from modelpact.errors import AliasError
from modelpact.registry.aliases import Aliases


def race_for_alias(uri: str, name: str, alias: str, rounds: int, racers: int = 2) -> list[int]:
    """Let several processes move an alias to different versions, in rounds.

    Args:
        uri: The store. The model needs at least one version more than there are processes.
        name: The registered model.
        alias: The alias.
        rounds: The number of rounds.
        racers: The number of processes.

    Returns:
        The version of the winner of each round.

    Raises:
        AssertionError: A round had no winner or several, or a loser got an unexpected error.
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
    outcomes = [results.get(timeout=120) for _ in range(rounds * racers)]
    for process in processes:
        process.join()
    others = [text for _, _, text in outcomes if text != "won" and "was not moved" not in text]
    assert others == []
    winners = {number: to for number, to, text in outcomes if text == "won"}
    assert Counter(number for number, _, text in outcomes if text == "won") == dict.fromkeys(
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
