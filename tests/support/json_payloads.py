"""JSON payloads: valid examples, invalid examples, and random mutations of them."""

from __future__ import annotations

import base64
import datetime
import json
import math
import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from mlflow.models import ModelSignature

from modelpact.signature.examples.generation import generate_examples, generate_invalid_examples

INTERESTING: list[Any] = [
    *(
        None,
        True,
        False,
        0,
        1,
        -1,
        3,
        2.0,
        2.5,
        -0.0,
        0.1,
        1e300,
        -5e-324,
        3.5e38,
        65519.9,
        65520.0,
        16777217,
        2**24,
    ),
    *(
        2**31 - 1,
        2**31,
        -(2**31),
        -(2**31) - 1,
        2.0**31,
        255,
        256,
        2**53,
        2**53 + 1,
        2**63 - 1,
        2**63,
        -(2**63),
        2.0**63,
    ),
    *(
        2**64 - 1,
        2**64,
        10**30,
        1e30,
        "",
        "a",
        "1",
        "2024-02-29",
        "2023-02-29",
        "2024-05-06T07:08:09.123456+05:30",
    ),
    *(
        "2024-05-06 07:08Z",
        "0001-01-01T00:00:00+05:00",
        "9999-12-31T10:00:00",
        "2024-05-06\n",
        "20240506",
        "0000-02-29",
    ),
    *(
        "2024-W19-1",
        "2024-05-06T07+0530",
        "2024-05-06T07:08:09,5",
        "2024-05-06T24:00",
        "2024-05-06t07:08z",
        "2024-13-01",
    ),
    *(
        [],
        {},
        [None],
        [[]],
        [1, 2.5],
        [1, "a"],
        ["a"],
        [[1], [2, 3]],
        {"a": 1},
        [{"a": 1}],
        {"one": None},
        {"one": {}},
    ),
]
"""Values at the limits of the types."""


def generate_calls(signature: ModelSignature, n: int, seed: int) -> Iterator[dict[str, Any]]:
    """Yield calls as `{"inputs": ..., "params": ...}`.

    A quarter are valid, a quarter violate the signature in one way, the rest are random mutations.
    """
    dice = random.Random(seed)
    whole = [to_json_call(*pair) for pair in generate_examples(signature, n // 4, seed=seed)]
    yield from whole
    yield from (
        to_json_call(broken.inputs, broken.params)
        for broken in generate_invalid_examples(signature, n // 4, seed)
    )
    for _ in range(n - 2 * (n // 4)):
        call = dice.choice(whole)
        for _ in range(dice.choice([1, 1, 1, 2, 3])):
            side = dice.choice(
                [key for key, value in call.items() if value is not None] or ["inputs"]
            )
            call = {**call, side: mutated(call[side], dice)}
        yield call


def to_json_call(inputs: Any, params: Any) -> dict[str, Any]:
    """Return a call as JSON data.

    Rows become objects or lists, a single unnamed column its values, NaN and NaT null.
    """
    if isinstance(inputs, pd.DataFrame):
        labels: list[Any] = inputs.columns.tolist()
        if labels == [0]:
            inputs = inputs[0].tolist()
        elif all(isinstance(label, int) for label in labels) and labels == list(
            range(inputs.shape[1])
        ):
            inputs = [
                list(row)
                for row in zip(*(inputs[label].tolist() for label in inputs.columns), strict=True)
            ]
        else:
            columns = {label: inputs[label].tolist() for label in inputs.columns}
            inputs = [
                {label: values[row] for label, values in columns.items()}
                for row in range(len(inputs))
            ]
    return {"inputs": plain(inputs), "params": plain(params)}


def plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist() if value.dtype.kind not in "mM" else value.astype("U").tolist())
    if isinstance(value, (datetime.datetime, datetime.date)):
        return None if value is pd.NaT else value.isoformat()
    if isinstance(value, np.datetime64):
        return None if np.isnat(value) else str(value)
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and math.isnan(value) else value


def _encode_bytes(value: object) -> str:
    if not isinstance(value, bytes):
        raise TypeError(type(value))
    return base64.b64encode(value).decode()


def through_json(call: Any) -> Any:
    """Return a call encoded as JSON and decoded again; None if it has no JSON form."""
    try:
        return json.loads(json.dumps(call, allow_nan=False, default=_encode_bytes))
    except (TypeError, ValueError):
        return None


def mutated(value: Any, dice: random.Random) -> Any:
    """Return the value changed at one path, mostly deep inside."""
    if isinstance(value, dict) and value and dice.random() < 0.8:
        key = dice.choice(list(value))
        return {**value, key: mutated(value[key], dice)}
    if isinstance(value, list) and value and dice.random() < 0.8:
        index = dice.randrange(len(value))
        return [*value[:index], mutated(value[index], dice), *value[index + 1 :]]
    return _changed(value, dice)


def _changed(value: Any, dice: random.Random) -> Any:
    if not isinstance(value, (dict, list, str, int, float, type(None))) or dice.random() < 0.35:
        return dice.choice(INTERESTING)
    if isinstance(value, dict):
        if value and dice.random() < 0.6:
            gone = dice.choice(list(value))
            return {key: item for key, item in value.items() if key != gone}
        return {**value, dice.choice(["extra", "one", "a", ""]): dice.choice(INTERESTING)}
    if isinstance(value, list):
        changes: list[Callable[[list[Any], random.Random], Any]]
        changes = [_shorter, _longer, lambda found, dice: [found]]
        return dice.choice(changes)(value, dice)
    if isinstance(value, bool) or value is None:
        return dice.choice([value, not value, str(value)])
    if isinstance(value, (int, float)):
        near = [-value, value + 1, value * 2**40, str(value), [value]]
        return dice.choice([*near, float(value), value + 0.5] if abs(value) < 2**1000 else near)
    moments = [moment for moment in INTERESTING if isinstance(moment, str)]
    return dice.choice(
        [value + "x", value[:-1], [value], value + "\n", None, *moments[-6:], *moments[3:6]]
    )


def _shorter(value: list[Any], dice: random.Random) -> list[Any]:
    gone = dice.randrange(len(value)) if value else 0
    return [*value[:gone], *value[gone + 1 :]]


def _longer(value: list[Any], dice: random.Random) -> list[Any]:
    more = dice.choice(value) if value and dice.random() < 0.7 else dice.choice(INTERESTING)
    at = dice.randint(0, len(value))
    return [*value[:at], more, *value[at:]]
