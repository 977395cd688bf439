"""If `backward` passes, the new signature accepts everything that the old one accepts."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator

import pytest

from modelpact.signature import Change, diff
from modelpact.signature.enforcement.options import Policy
from tests.support.random_payloads import RandomSource, find_counterexample
from tests.support.random_signatures import edit_signature, random_signature

SIDES = ("input", "output", "param")
PAYLOADS = 20


@pytest.fixture(autouse=True)
def _silent() -> Iterator[None]:
    # MLflow warns about each param.
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def _breaking(changes: list[Change]) -> set[str]:
    """Return the sides with breaking changes that a payload can confirm; defaults cannot be."""
    return {
        change.side
        for change in changes
        if "backward" in change.breaks and change.rule != "PARAM_DEFAULT_CHANGED"
    }


def _evolve(
    seeds: range, policy: Policy, search: int, extra: str = "ignore"
) -> tuple[Counter[str], list[tuple[int, list[str]]]]:
    """Compare random pairs of signatures, and search for payloads.

    Returns the counts of pairs, and the breaking changes that no payload confirms. Fails if a
    payload contradicts a compatible change.
    """
    counts: Counter[str] = Counter()
    unproved = []
    for seed in seeds:
        chance = RandomSource(seed)
        old = random_signature(chance)
        new = edit_signature(old, chance)
        changes = diff(old, new, policy, extra)
        broken = _breaking(changes)
        for side in SIDES:
            if side not in broken:
                assert (
                    find_counterexample(
                        old, new, f"{side}s", seed=seed, n=PAYLOADS, policy=policy, extra=extra
                    )
                    == []
                ), (
                    seed,
                    side,
                    old,
                    new,
                )
        proved = any(
            find_counterexample(
                old, new, f"{side}s", seed=seed, n=search, policy=policy, extra=extra
            )
            for side in broken
        )
        counts["refusals" if broken else "passes"] += 1
        if broken and not proved:
            unproved.append(
                (seed, [str(change) for change in changes if "backward" in change.breaks])
            )
    return counts, unproved


def test_compatible_pairs_have_no_counterexample_and_breaking_pairs_have_one() -> None:
    counts, unproved = _evolve(range(60), "lossless", 100)
    assert min(counts["passes"], counts["refusals"]) > 15
    assert len(unproved) <= 0.05 * counts["refusals"], unproved


@pytest.mark.slow
def test_compatible_pairs_under_policy_strict() -> None:
    counts, _ = _evolve(range(10_000, 10_025), "strict", 1)
    assert min(counts["passes"], counts["refusals"]) > 5


def test_compatible_pairs_if_extra_columns_are_forbidden() -> None:
    counts, _ = _evolve(range(11_000, 11_025), "lossless", 1, "forbid")
    assert min(counts["passes"], counts["refusals"]) > 5


@pytest.mark.exhaustive
def test_500_pairs_if_extra_columns_are_forbidden() -> None:
    _, unproved = _evolve(range(30_000, 30_500), "lossless", 300, "forbid")
    assert len(unproved) <= 5, unproved


@pytest.mark.parametrize(
    ("policy", "pairs", "share"),
    [
        pytest.param("lossless", 2000, 0.05, marks=pytest.mark.exhaustive),
        pytest.param("strict", 300, 0.05, marks=pytest.mark.exhaustive),
        pytest.param("mlflow", 300, 0.08, marks=pytest.mark.exhaustive),
        pytest.param("strict", 60, 0.1, marks=pytest.mark.slow),
        pytest.param("mlflow", 20, 0.2, marks=pytest.mark.slow),
    ],
)
def test_many_pairs(policy: Policy, pairs: int, share: float) -> None:
    counts, unproved = _evolve(range(20_000, 20_000 + pairs), policy, 300)
    assert len(unproved) <= share * counts["refusals"], unproved
