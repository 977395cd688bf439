"""Generation of examples from a signature: valid ones, and ones that violate it in one way."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from mlflow.models import ModelSignature

from modelpact.signature.examples.mutations import (
    Mutation,
    list_param_mutations,
    list_schema_mutations,
)
from modelpact.signature.examples.values import Sampler, generate_inputs, generate_params

__all__ = ["InvalidExample", "generate_examples", "generate_invalid_examples"]


@dataclass(frozen=True, slots=True, eq=False)
class InvalidExample:
    """Inputs and params that violate a signature in one way.

    Attributes:
        kind: The kind of violation: `MISSING_REQUIRED`, `WRONG_TYPE`, `OUT_OF_RANGE`, `NOT_WHOLE`,
            `NULL_FOR_REQUIRED`, `WRONG_KEY` (of a map), `UNKNOWN_PROPERTY` (of an object),
            `WRONG_DTYPE` and `WRONG_SHAPE` (of a tensor), `PARAM_TYPE`, `PARAM_SHAPE`,
            `UNKNOWN_PARAM`.
        path: The invalid value: `inputs.author.orcid`, `inputs[0]`, `inputs.tags[]` for the items
            of an array, `inputs.scores.*` for those of a map, `params.temperature`.
        inputs: The inputs; valid if the path is in the params.
        params: The params; valid if the path is in the inputs.
        rejected_by_mlflow: Whether MLflow rejects the example as well. The policy `lossless`
            rejects every one.
    """

    kind: str
    path: str
    inputs: Any
    params: dict[str, Any] | None
    rejected_by_mlflow: bool


def generate_examples(
    signature: ModelSignature, n: int, valid: bool = True, seed: int = 0
) -> list[tuple[Any, dict[str, Any] | None]]:
    """Generate pairs of inputs and params.

    Args:
        signature: The signature.
        n: The number of examples.
        valid: Whether the examples conform to the signature. If not, each violates it in one way;
            `generate_invalid_examples` also returns which.
        seed: The seed. The examples of a smaller `n` are the first ones of a larger `n`.

    Returns:
        Inputs are a DataFrame of one to four rows, an ndarray, or a dict of ndarrays (named
        tensors); None for a signature without inputs. Params are a dict; None for a signature
        without params.

    Example:
        >>> from modelpact.signature.language.spec import parse
        >>> signature = parse({"inputs": {"age": "long"}, "params": {"top": "long = 3"}})
        >>> [sorted(inputs) for inputs, params in generate_examples(signature, 2)]
        [['age'], ['age']]
    """
    if not valid:
        invalid = generate_invalid_examples(signature, n, seed)
        return [(example.inputs, example.params) for example in invalid]
    examples = []
    for index in range(n):
        sampler = Sampler(seed, index)
        inputs = generate_inputs(signature.inputs, sampler)
        examples.append((inputs, generate_params(signature.params, sampler)))
    return examples


def generate_invalid_examples(
    signature: ModelSignature, n: int, seed: int = 0
) -> list[InvalidExample]:
    """Generate examples that violate a signature in one way each.

    The kinds of violation alternate: every kind occurs once before any occurs twice.

    Args:
        signature: The signature.
        n: The number of examples. If it is larger than the number of possible violations, they
            repeat with other data.
        seed: The seed.

    Returns:
        `n` examples; an unknown param violates every signature.

    Example:
        >>> from modelpact.signature.language.spec import parse
        >>> invalid = generate_invalid_examples(parse({"inputs": {"age": "double"}}), 9)
        >>> for kind, path in sorted({(example.kind, example.path) for example in invalid}):
        ...     print(kind, path)
        MISSING_REQUIRED inputs.age
        UNKNOWN_PARAM params.unknown
        WRONG_TYPE inputs.age
    """
    mutations = list_schema_mutations(signature.inputs) if signature.inputs else []
    mutations += list_param_mutations(signature.params)
    ordered = _alternate_kinds(mutations, seed)
    return [
        _mutate(signature, ordered[index % len(ordered)], Sampler(seed, index, complete=True))
        for index in range(n)
    ]


def _mutate(signature: ModelSignature, mutation: Mutation, sampler: Sampler) -> InvalidExample:
    inputs = generate_inputs(signature.inputs, sampler)
    params = generate_params(signature.params, sampler)
    if mutation.path.startswith("inputs"):
        inputs = mutation.apply(inputs)
    else:
        params = mutation.apply(params)
    return InvalidExample(mutation.kind, mutation.path, inputs, params, mutation.rejected_by_mlflow)


def _alternate_kinds(mutations: list[Mutation], seed: int) -> list[Mutation]:
    """Shuffle mutations and sort them: one of each kind, then a second of each kind, and so on."""
    shuffled = [mutations[int(at)] for at in Sampler(seed, 0).rng.permutation(len(mutations))]
    counts: Counter[str] = Counter()
    rounds = []
    for mutation in shuffled:
        counts[mutation.kind] += 1
        rounds.append((counts[mutation.kind], mutation))
    return [mutation for _, mutation in sorted(rounds, key=lambda pair: pair[0])]
