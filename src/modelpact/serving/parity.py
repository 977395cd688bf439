"""Compares the verdicts and predictions of a model across its four clients.

A difference between two clients is explained only by a rule that was tested on the payload itself.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from modelpact.datatypes import count_rows, take_rows
from modelpact.serving.clients import (
    CLIENTS,
    CallResult,
    HttpClient,
    Payload,
    call_adapter,
    call_pyfunc,
)
from modelpact.serving.encoding import NotJsonEncodable, encode_envelopes, encode_request
from modelpact.serving.parity_rules import RULES, Difference, RuleChecker
from modelpact.signature import generate_examples, generate_invalid_examples

if TYPE_CHECKING:
    from mlflow.pyfunc import PyFuncModel

    from modelpact.loaders import Adapter

__all__ = ["Parity", "Payload", "PayloadResult", "compare", "generate_payloads"]

NOT_SENT = "not sent"
"""The verdict of a client that did not get a payload, because JSON cannot represent it."""

MAX_SAMPLED_ROWS = 4


@dataclass(frozen=True, slots=True)
class PayloadResult:
    """One payload and the verdict of each client.

    Attributes:
        number: The number of the payload, from 0.
        kind: The kind of the payload.
        path: The path of the violation; empty for valid payloads.
        envelope: The envelope of MLflow's protocol; empty if JSON cannot represent the payload.
        verdicts: The verdict of each client that got the payload, with its reason.
        cells: The number of cells of each client that were compared with those of the adapter.
    """

    number: int
    kind: str
    path: str
    envelope: str
    verdicts: dict[str, str]
    cells: dict[str, int]


@dataclass(frozen=True, slots=True)
class Parity:
    """The result of a comparison.

    Attributes:
        results: Every payload with its verdicts.
        differences: Every difference between a client and the adapter.
    """

    results: list[PayloadResult] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)

    @property
    def unexplained(self) -> list[Difference]:
        """The differences that no rule explains."""
        return [difference for difference in self.differences if not difference.rule]

    @property
    def explained(self) -> Counter[str]:
        """The number of differences that each rule explains."""
        return Counter(difference.rule for difference in self.differences if difference.rule)

    def count_verdicts(self, client: str) -> Counter[str]:
        """Return the number of payloads per verdict of a client."""
        return Counter(
            result.verdicts.get(client, NOT_SENT).partition(":")[0] for result in self.results
        )

    def count_cells(self, client: str) -> int:
        """Return the number of cells that were compared for a client."""
        return sum(result.cells.get(client, 0) for result in self.results)

    def describe(self, difference: Difference) -> str:
        """Return a difference as one line of text."""
        kind = self.results[difference.payload].kind
        cell = f", cell {difference.path}" if difference.path else ""
        where = f"payload {difference.payload} ({kind}), {difference.client}{cell}"
        return f"{where}: {difference.other}, in Python {difference.python}"

    def to_json(self) -> str:
        """Return the comparison as a JSON document, with every payload and difference."""
        explained = {
            rule: {"differences": count, "why": RULES[rule]}
            for rule, count in sorted(self.explained.items())
        }
        report = {
            "payloads": len(self.results),
            "kinds": dict(Counter(result.kind for result in self.results)),
            "clients": {client: dict(self.count_verdicts(client)) for client in CLIENTS},
            "cells": {client: self.count_cells(client) for client in CLIENTS[1:]},
            "unexplained": len(self.unexplained),
            "explained": explained,
            "differences": [asdict(difference) for difference in self.differences],
            "results": [asdict(result) for result in self.results],
        }
        return json.dumps(report, indent=2, ensure_ascii=False) + "\n"


def generate_payloads(adapter: Adapter, count: int, seed: int = 0) -> Iterator[Payload]:
    """Yield the stored example, then sampled, valid and invalid payloads in equal parts.

    The sampled rows matter for a model that accepts less than its signature declares, such as a
    chat model, which knows three roles.

    Args:
        adapter: The model.
        count: The number of payloads.
        seed: The seed; the same seed generates the same payloads.
    """
    example = _load_example(adapter)
    remaining = count
    if example is not None:
        remaining -= 1
        n_sampled = remaining // 3
        yield example
        yield from _sample_rows(adapter, example, n_sampled, seed)
        remaining -= n_sampled
    n_valid = (remaining + 1) // 2
    for inputs, params in generate_examples(adapter.signature, n_valid, seed=seed):
        yield Payload("generated", inputs, params)
    for invalid in generate_invalid_examples(adapter.signature, remaining - n_valid, seed):
        yield Payload(invalid.kind, invalid.inputs, invalid.params, invalid.path)


def _load_example(adapter: Adapter) -> Payload | None:
    """Return the stored input example; None if it is missing or unreadable."""
    from mlflow.exceptions import MlflowException

    metadata, folder = adapter.pyfunc.metadata, str(adapter.folder)
    try:
        inputs = metadata.load_input_example(folder)
        params = metadata.load_input_example_params(folder)
    except (MlflowException, OSError, ValueError):
        return None
    return None if inputs is None else Payload("example", inputs, params or None)


def _sample_rows(adapter: Adapter, example: Payload, count: int, seed: int) -> Iterator[Payload]:
    """Yield some rows of the example, with its params and with generated params in turn."""
    import numpy as np

    rng = np.random.default_rng([seed, count])
    generated = generate_examples(adapter.signature, count, seed=seed)
    for index in range(count):
        n_rows = int(rng.integers(1, MAX_SAMPLED_ROWS + 1))
        rows = rng.integers(count_rows(example.inputs), size=n_rows).tolist()
        params = example.params if index % 2 else generated[index][1]
        yield Payload("sampled", take_rows(example.inputs, rows), params)


def compare(
    adapter: Adapter, payloads: Iterable[Payload], pyfunc: PyFuncModel | None = None
) -> Parity:
    """Send payloads to a model through all four clients.

    JSON cannot represent complex numbers, timedeltas, numbers that are not finite (except
    NaN in a column), and keys that are not strings. Payloads with such values are sent in Python
    only.

    Args:
        adapter: The model.
        payloads: The payloads.
        pyfunc: The model as `mlflow.pyfunc.load_model` returns it; None for that of the adapter.
    """
    parity = Parity()
    checker = RuleChecker(adapter)
    with HttpClient(adapter).open() as http:
        for number, payload in enumerate(payloads):
            expected = call_adapter(adapter, payload)
            calls = {"pyfunc": call_pyfunc(pyfunc or adapter.pyfunc, payload)}
            envelope = _call_http(http, adapter, payload, number, calls)
            n_cells = {}
            for client, result in calls.items():
                differences, n_cells[client] = checker.compare(
                    number, payload, client, expected, result
                )
                parity.differences.extend(differences)
            verdicts = {
                client: f"{result.verdict}: {result.reason}" if result.reason else result.verdict
                for client, result in {"python": expected, **calls}.items()
            }
            parity.results.append(
                PayloadResult(number, payload.kind, payload.path, envelope, verdicts, n_cells)
            )
    return parity


def _call_http(
    http: HttpClient, adapter: Adapter, payload: Payload, number: int, calls: dict[str, CallResult]
) -> str:
    """Call both routes and add the results to `calls`; return MLflow's envelope.

    The envelopes that can represent the payload are used in turn.
    """
    schema = adapter.signature.inputs
    try:
        body = encode_request(payload.inputs, payload.params, schema=schema)
    except NotJsonEncodable:
        return ""
    envelopes = encode_envelopes(body["inputs"], schema)
    envelope = sorted(envelopes)[number % len(envelopes)]
    params = {"params": body["params"]} if "params" in body else {}
    calls["predict"] = http.post("/predict", body)
    calls["invocations"] = http.post("/invocations", {envelope: envelopes[envelope], **params})
    return envelope
