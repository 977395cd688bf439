"""Examples made from a signature alone: valid ones, and ones that are broken in exactly one named way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mlflow.models import ModelSignature

from modelpact.signature.examples.mutations import Site, param_sites, schema_sites
from modelpact.signature.examples.values import Dice, inputs_for, params_for

__all__ = ["Break", "breaks", "generate_examples"]


@dataclass(frozen=True, slots=True, eq=False)
class Break:
    """One example that breaks a signature in one way.

    Attributes:
        name: How it breaks it: `MISSING_REQUIRED`, `WRONG_TYPE`, `OUT_OF_RANGE`, `NOT_WHOLE`, `NULL_FOR_REQUIRED`, `WRONG_KEY`
            (of a map), `UNKNOWN_PROPERTY` (of an object), `WRONG_DTYPE` and `WRONG_SHAPE` (of a tensor), `PARAM_TYPE`,
            `PARAM_SHAPE`, `UNKNOWN_PARAM`.
        place: Where: `inputs.author.orcid`, `inputs[0]`, `inputs.tags[]` for the items of an array, `inputs.scores.*` for those
            of a map, `params.temperature`.
        inputs: The inputs; whole where the place is in the params.
        params: The params; whole where the place is in the inputs.
        refused_by_mlflow: Whether plain MLflow refuses it as well; the `lossless` policy refuses all of them.
    """

    name: str
    place: str
    inputs: Any
    params: dict[str, Any] | None
    refused_by_mlflow: bool


def generate_examples(
    signature: ModelSignature, n: int, valid: bool = True, seed: int = 0
) -> list[tuple[Any, dict[str, Any] | None]]:
    """Inputs and params made from a signature.

    Args:
        signature: What they conform to, or break.
        n: How many.
        valid: Whether they conform. If not, each is broken in exactly one way; `breaks` also says in which.
        seed: The same seed makes the same examples, and the first of many are the first of few.

    Returns:
        Pairs of inputs and params. Inputs are a DataFrame of one to four rows, an ndarray, or a dict of ndarrays (named tensors);
        None for a signature without inputs. Params are a dict, or None for a signature without params.

    Example:
        >>> from modelpact.signature.language.spec import parse
        >>> signature = parse({"inputs": {"age": "long"}, "params": {"top": "long = 3"}})
        >>> [sorted(inputs) for inputs, params in generate_examples(signature, 2)]
        [['age'], ['age']]
    """
    if not valid:
        return [(broken.inputs, broken.params) for broken in breaks(signature, n, seed)]
    found = []
    for index in range(n):
        dice = Dice(seed, index)
        found.append((inputs_for(signature.inputs, dice), params_for(signature.params, dice)))
    return found


def breaks(signature: ModelSignature, n: int, seed: int = 0) -> list[Break]:
    """Examples that are broken in exactly one way each, every kind of break before a kind comes twice.

    Args:
        signature: What they break.
        n: How many. When it is larger than the number of places, the same places are broken again, in other data.
        seed: The same seed makes the same breaks.

    Returns:
        `n` breaks: there is always one to make, since no signature knows every param.

    Example:
        >>> from modelpact.signature.language.spec import parse
        >>> sorted({(broken.name, broken.place) for broken in breaks(parse({"inputs": {"age": "double"}}), 9)})
        [('MISSING_REQUIRED', 'inputs.age'), ('UNKNOWN_PARAM', 'params.unknown'), ('WRONG_TYPE', 'inputs.age')]
    """
    sites = _in_turn(
        [
            *(schema_sites(signature.inputs) if signature.inputs else ()),
            *param_sites(list(signature.params or ())),
        ],
        seed,
    )
    return [
        _broken(signature, sites[index % len(sites)], Dice(seed, index, full=True))
        for index in range(n)
    ]


def _broken(signature: ModelSignature, site: Site, dice: Dice) -> Break:
    inputs, params = inputs_for(signature.inputs, dice), params_for(signature.params, dice)
    if site.place.startswith("inputs"):
        inputs = site.apply(inputs)
    else:
        params = site.apply(params)
    return Break(site.name, site.place, inputs, params, site.refused_by_mlflow)


def _in_turn(sites: list[Site], seed: int) -> list[Site]:
    """The sites shuffled, then in rounds: one of each kind, then a second of each kind, and so on."""
    order = Dice(seed, 0).rng.permutation(len(sites))
    seen: dict[str, int] = {}
    rounds = []
    for site in (sites[int(index)] for index in order):
        seen[site.name] = seen.get(site.name, 0) + 1
        rounds.append((seen[site.name], site))
    return [site for _, site in sorted(rounds, key=lambda pair: pair[0])]
