"""Parity: one payload gets one verdict and one answer, whichever way a model is asked; what differs is explained, or told."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from modelpact._internal.text import truncate
from modelpact.datatypes import count_rows, take_rows
from modelpact.errors import InputsError, OutputsError
from modelpact.serving.clients import CLIENTS, CallResult, Http, ask_adapter, ask_pyfunc
from modelpact.serving.comparison import is_null_for, iter_cells, same
from modelpact.serving.encoding import NotJsonEncodable, encode_request, envelopes
from modelpact.signature import compile as compile_signature
from modelpact.signature import generate_examples, generate_invalid_examples

if TYPE_CHECKING:
    from mlflow.pyfunc import PyFuncModel

    from modelpact.loaders import Adapter

__all__ = ["RULES", "Difference", "Parity", "Payload", "PayloadResult", "compare", "payloads"]

RULES = {
    "MLFLOW_RULES": "mlflow.pyfunc knows MLflow's rules only: policy=mlflow gives these payloads the same verdict",
    "MLFLOW_CONVERSIONS": "mlflow.pyfunc converts inputs by MLflow's rules: policy=mlflow makes other values of this payload",
    "TYPE_HINTS": "mlflow.pyfunc checks a model with type hints against those: Pydantic gives these payloads the same verdict",
    "OUTPUTS_UNCHECKED": "mlflow.pyfunc does not check what a model answers; this answer breaks the signature",
    "NAN_IS_NULL": "JSON has no NaN and no Infinity: over HTTP they are null",
    "NOT_REPEATABLE": "the model says of itself that its answers need not repeat themselves",
}
"""What a difference may be due to, each with its reason. There is no other excuse."""


@dataclass(frozen=True, slots=True)
class Payload:
    """Inputs and params to ask with.

    Attributes:
        kind: `example` (the stored one), `drawn` (of its rows), `conforming`, or the name of the break.
        place: Where it breaks the signature; empty where it does not.
    """

    kind: str
    inputs: Any
    params: dict[str, Any] | None
    place: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that two ways do not say alike.

    Attributes:
        payload: The payload's number.
        way: The way that differs from `python`.
        path: The cell; empty for the verdict.
        python: What our adapter says.
        other: What that way says.
        rule: The key of `RULES` that explains it; empty where none does.
    """

    payload: int
    way: str
    path: str
    python: str
    other: str
    rule: str = ""


@dataclass(frozen=True, slots=True)
class PayloadResult:
    """One payload, and what each way said to it.

    Attributes:
        envelope: MLflow's envelope that it was sent to `/invocations` in; empty where JSON cannot carry it.
        verdicts: The verdict of each way that was asked, with its reason.
        cells: How many cells of each way's answer were compared with those of our adapter's.
    """

    number: int
    kind: str
    place: str
    envelope: str
    verdicts: dict[str, str]
    cells: dict[str, int]


@dataclass(frozen=True, slots=True)
class Parity:
    """What a comparison found."""

    asked: list[PayloadResult] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)

    @property
    def unexplained(self) -> list[Difference]:
        """The differences that no rule explains."""
        return [difference for difference in self.differences if not difference.rule]

    @property
    def explained(self) -> Counter[str]:
        """How many differences each rule explains."""
        return Counter(difference.rule for difference in self.differences if difference.rule)

    def verdicts(self, way: str) -> Counter[str]:
        """How often a way accepted, refused or failed; `not asked` where JSON cannot carry a payload."""
        return Counter(each.verdicts.get(way, "not asked").partition(":")[0] for each in self.asked)

    def to_json(self) -> str:
        """The whole of it, payload by payload."""
        found = {
            "payloads": len(self.asked),
            "kinds": dict(Counter(each.kind for each in self.asked)),
            "ways": {way: dict(self.verdicts(way)) for way in CLIENTS},
            "cells": {
                way: sum(each.cells.get(way, 0) for each in self.asked) for way in CLIENTS[1:]
            },
            "unexplained": len(self.unexplained),
            "explained": {
                rule: {"differences": n, "why": RULES[rule]}
                for rule, n in sorted(self.explained.items())
            },
            "differences": [asdict(difference) for difference in self.differences],
            "asked": [asdict(each) for each in self.asked],
        }
        return json.dumps(found, indent=2, ensure_ascii=False) + "\n"


def payloads(adapter: Adapter, count: int, seed: int = 0) -> Iterator[Payload]:
    """The stored example, then in equal parts rows drawn from it, made inputs that conform, and such that break the signature.

    A model may take less than its signature says, as a chat model knows but three roles: its own example it will take.

    Args:
        adapter: The model.
        count: How many in all.
        seed: The same seed makes the same payloads.
    """
    stored = _stored(adapter)
    if stored is not None:
        yield stored
    left = count - (stored is not None)
    drawn = left // 3 if stored is not None else 0
    if stored is not None:
        yield from _drawn(adapter, stored, drawn, seed)
    good = (left - drawn + 1) // 2
    yield from (
        Payload("conforming", *pair)
        for pair in generate_examples(adapter.signature, good, seed=seed)
    )
    for broken in generate_invalid_examples(adapter.signature, left - drawn - good, seed):
        yield Payload(broken.kind, broken.inputs, broken.params, broken.path)


def _stored(adapter: Adapter) -> Payload | None:
    from mlflow.exceptions import MlflowException

    metadata, folder = adapter.pyfunc.metadata, str(adapter.folder)
    try:
        inputs, params = (
            metadata.load_input_example(folder),
            metadata.load_input_example_params(folder),
        )
    except (MlflowException, OSError, ValueError):  # there is none that can be read
        return None
    return None if inputs is None else Payload("example", inputs, params or None)


def _drawn(adapter: Adapter, stored: Payload, count: int, seed: int) -> Iterator[Payload]:
    """One to four rows of the example, with its own params and with made ones in turn."""
    import numpy as np

    rng = np.random.default_rng([seed, count])
    made = generate_examples(adapter.signature, count, seed=seed)
    for index in range(count):
        chosen = rng.integers(count_rows(stored.inputs), size=int(rng.integers(1, 5))).tolist()
        params = stored.params if index % 2 else made[index][1]
        yield Payload("drawn", take_rows(stored.inputs, chosen), params)


def compare(
    adapter: Adapter, asked: Iterable[Payload], pyfunc: PyFuncModel | None = None
) -> Parity:
    """Ask a model in all four ways.

    Args:
        adapter: The model.
        asked: The payloads. JSON carries no bytes, complex numbers, spans of time, numbers that are not finite but for NaN in a
            column, and keys that are no texts: a payload that holds one is asked in Python only.
        pyfunc: The model as `mlflow.pyfunc.load_model` gives it; None for the one that the adapter was made of.
    """
    found = Parity()
    judge = _Judge(adapter)
    with Http(adapter).open() as http:
        for number, payload in enumerate(asked):
            replies = {
                "python": ask_adapter(adapter, payload.inputs, payload.params),
                "pyfunc": ask_pyfunc(pyfunc or adapter.pyfunc, payload.inputs, payload.params),
            }
            envelope = _ask_http(http, adapter, payload, number, replies)
            compared = {}
            for way in [way for way in CLIENTS[1:] if way in replies]:
                differences, compared[way] = judge.differences(
                    payload, replies["python"], way, replies[way]
                )
                found.differences.extend(Difference(number, way, *each) for each in differences)
            verdicts = {
                way: f"{reply.verdict}: {reply.reason}" if reply.reason else reply.verdict
                for way, reply in replies.items()
            }
            found.asked.append(
                PayloadResult(number, payload.kind, payload.place, envelope, verdicts, compared)
            )
    return found


def _ask_http(
    http: Http, adapter: Adapter, payload: Payload, number: int, replies: dict[str, CallResult]
) -> str:
    """Ask both routes, the one of MLflow's protocol in its envelopes in turn; returns the envelope."""
    try:
        body = encode_request(payload.inputs, payload.params, schema=adapter.signature.inputs)
    except NotJsonEncodable:
        return ""
    fitting = envelopes(body["inputs"], adapter.signature.inputs)
    envelope = sorted(fitting)[number % len(fitting)]
    params = {"params": body["params"]} if "params" in body else {}
    replies["predict"] = http.ask("/predict", body)
    replies["invocations"] = http.ask("/invocations", {envelope: fitting[envelope], **params})
    return envelope


Found = tuple[str, str, str, str]
"""Path, what Python says, what the other way says, and the rule."""


class _Judge:
    """Finds what differs, and what explains it."""

    def __init__(self, adapter: Adapter) -> None:
        self._repeatable = adapter.model is None or adapter.model.deterministic
        self._lossless = compile_signature(adapter.signature)
        self._mlflow = compile_signature(adapter.signature, policy="mlflow")
        self._hint = _input_hint(adapter)

    def differences(
        self, payload: Payload, python: CallResult, way: str, other: CallResult
    ) -> tuple[list[Found], int]:
        """What differs, and how many cells were compared."""
        if python.verdict != other.verdict:
            rule = self._of_verdicts(payload, python, other) if way == "pyfunc" else ""
            return [("", _said(python), _said(other), rule)], 0
        if python.verdict != "accepted":
            return [], 0
        left, right = dict(iter_cells(python.answer)), dict(iter_cells(other.answer))
        found = []
        for path in _unequal(left, right):
            is_null = (
                way != "pyfunc"
                and path in left
                and path in right
                and is_null_for(left[path], right[path])
            )
            rule = "NAN_IS_NULL" if is_null else self._of_cells(payload, way)
            found.append((path, _shown(left, path), _shown(right, path), rule))
        return found, len(left)

    def _of_cells(self, payload: Payload, way: str) -> str:
        """The rule by which an answer may be another one."""
        if way == "pyfunc" and self._gets_other_inputs(payload):
            return "MLFLOW_CONVERSIONS"
        return "" if self._repeatable else "NOT_REPEATABLE"

    def _gets_other_inputs(self, payload: Payload) -> bool:
        """Whether MLflow's enforcement hands the model other values than ours."""
        try:
            ours, theirs = (
                each.enforce_call(payload.inputs, payload.params)
                for each in (self._lossless, self._mlflow)
            )
        except InputsError:
            return False
        return any(
            next(_unequal(dict(iter_cells(left)), dict(iter_cells(right))), None) is not None
            for left, right in zip(ours, theirs, strict=True)
        )

    def _of_verdicts(self, payload: Payload, python: CallResult, other: CallResult) -> str:
        """The rule by which plain MLflow comes to another verdict: each is tried, none is taken on trust."""
        if python.verdict == "failed" and other.verdict == "accepted":
            try:
                self._lossless.enforce_outputs(other.answer)
            except OutputsError:
                return "OUTPUTS_UNCHECKED"
            return "" if self._repeatable else "NOT_REPEATABLE"
        if (python.verdict == "refused") is (other.verdict == "refused"):
            return ""
        taken = other.verdict != "refused"
        if self._by_mlflow(payload) is taken:
            return "MLFLOW_RULES"
        return "TYPE_HINTS" if self._by_hint(payload) is taken else ""

    def _by_mlflow(self, payload: Payload) -> bool:
        try:
            self._mlflow.enforce_call(payload.inputs, payload.params)
        except InputsError:
            return False
        return True

    def _by_hint(self, payload: Payload) -> bool | None:
        """Whether the type hint of the model's inputs takes them; None where there is no such hint."""
        if self._hint is None:
            return None
        try:
            self._hint.validate_python(encode_request(payload.inputs)["inputs"])
        except ValueError:  # Pydantic's, or that JSON does not carry them
            return False
        return True


def _unequal(left: dict[str, Any], right: dict[str, Any]) -> Iterator[str]:
    """The paths of the cells that only one has, or both have differently."""
    for path in [*left, *(path for path in right if path not in left)]:
        if path not in left or path not in right or not same(left[path], right[path]):
            yield path


def _input_hint(adapter: Adapter) -> Any:
    """The type hint by which MLflow checks the inputs of a model, compiled; None where there is none."""
    from mlflow.exceptions import MlflowException
    from pydantic import TypeAdapter

    try:
        hint = adapter.pyfunc.unwrap_python_model().predict_type_hints.input
    except MlflowException:  # it is of another flavor
        return None
    return None if hint is None else TypeAdapter(hint)


def _said(reply: CallResult) -> str:
    return f"{reply.verdict} ({reply.reason})" if reply.reason else reply.verdict


def _shown(found: dict[str, Any], path: str) -> str:
    return truncate(repr(found[path])) if path in found else "nothing"
