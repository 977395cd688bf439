"""For any signature, every client passes the same cells to the model."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlflow.models import ModelSignature
from mlflow.types.schema import ParamSchema, Schema

from modelpact.serving import compare
from modelpact.serving.parity import generate_payloads
from modelpact.signature import compile, parse
from tests.support.echo_model import echo_adapter
from tests.support.json_verdicts import schemas, seeded
from tests.support.strategies import param_schemas

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.mark.parametrize("signatures", [15, pytest.param(200, marks=pytest.mark.exhaustive)])
def test_the_model_receives_equal_cells(signatures: int) -> None:
    count: Counter[str] = Counter()
    unexplained: list[Any] = []

    @settings(seeded, max_examples=signatures)
    @given(schemas, st.none() | param_schemas(), st.integers(0, 2**32))
    def check(inputs: Schema, params: ParamSchema | None, seed: int) -> None:
        made = echo_adapter(ModelSignature(inputs, None, params))  # type: ignore[arg-type]
        told = compare(made, generate_payloads(made, 16, seed))
        unexplained.extend((str(made.signature), each) for each in told.unexplained)
        count.update(told.count_verdicts("predict"))
        count["cells"] += sum(sum(each.cells.values()) for each in told.results)

    check()
    assert not unexplained, unexplained[:3]
    assert min(count["accepted"], count["rejected"]) >= 4 * signatures, count
    assert count["cells"] > 150 * signatures, count


def test_integers_of_type_any_stay_integers() -> None:
    enforcer = compile(parse({"inputs": {"x": "any"}}))
    for other in (0.5, None):
        assert enforcer.enforce_inputs([{"x": 2**53 + 1}, {"x": other}])["x"].tolist() == [
            2**53 + 1,
            other,
        ]
    assert str(enforcer.enforce_inputs([{"x": 1}, {"x": 2}])["x"].dtype) == "int64"
