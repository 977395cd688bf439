from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from pydantic import PrivateAttr, ValidationError
from sklearn.ensemble import VotingRegressor
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from modelpact.types import Step


class Greeter(Step):
    """Greets."""

    excluded_from_key: ClassVar[frozenset[str]] = frozenset({"path"})

    word: str = "hello"
    times: int = 1
    path: str = "here"
    thing: Any = None
    _learned: Any = PrivateAttr(default=None)


class LoudGreeter(Greeter):
    """Greets louder."""


def double(value: Any) -> Any:
    return value * 2


@pytest.mark.parametrize(
    "options", [{"word": 1}, {"times": "1"}, {"times": 1.5}, {"times": True}, {"wrod": "hi"}]
)
def test_wrong_types_and_unknown_options_are_refused_by_name(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        Greeter(**options)
    assert caught.value.errors()[0]["loc"] == tuple(options)


def test_a_step_does_not_change_but_learns() -> None:
    greeter = Greeter()
    with pytest.raises(ValidationError, match="frozen"):
        greeter.word = "bye"
    greeter._learned = 1
    assert greeter._learned == 1


def test_each_class_is_called_by_its_own_name() -> None:
    assert (Step.KIND, Greeter.KIND, LoudGreeter.KIND, LoudGreeter().KIND) == (
        "Step",
        "Greeter",
        "LoudGreeter",
        "LoudGreeter",
    )


def test_what_a_step_is_leaves_out_where_it_works() -> None:
    assert Greeter(path="a").identity() == Greeter(path="b").identity()
    assert Greeter().identity() == {
        "class": "tests.test_types_step.Greeter",
        "options": {"word": "hello", "times": 1, "thing": None},
    }


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Greeter(word="a"), Greeter(word="b")),
        (Greeter(), LoudGreeter()),
        (Greeter(thing=Greeter(word="a")), Greeter(thing=Greeter(word="b"))),
        (Greeter(thing=[Ridge(alpha=1.0)]), Greeter(thing=[Ridge(alpha=2.0)])),
        (Greeter(thing={"a": 1}), Greeter(thing={"a": "1"})),
        (Greeter(thing=np.zeros(5000)), Greeter(thing=np.r_[np.zeros(2500), 1, np.zeros(2499)])),
        (
            Greeter(thing=make_pipeline(Ridge(alpha=1.0))),
            Greeter(thing=make_pipeline(Ridge(alpha=2.0))),
        ),
        (
            Greeter(thing=VotingRegressor([("a", Ridge(alpha=1.0))])),
            Greeter(thing=VotingRegressor([("a", Ridge(alpha=2.0))])),
        ),
        (Greeter(thing=FunctionTransformer(np.log1p)), Greeter(thing=FunctionTransformer(np.exp))),
        (
            Greeter(thing=FunctionTransformer(double)),
            Greeter(thing=FunctionTransformer(json.dumps)),
        ),
        (Greeter(thing=Ridge), Greeter(thing=VotingRegressor)),
        (Greeter(thing={1, 2}), Greeter(thing={1, 3})),
    ],
)
def test_what_a_step_is_changes_with_its_class_and_every_option(one: Step, other: Step) -> None:
    assert one.identity() != other.identity()


@pytest.mark.parametrize(
    "make",
    [
        lambda: {"b", "a", "c"},
        lambda: {"deep": [Ridge(alpha=np.float64(2.0)), (1, 2.5, None, True)]},
        lambda: FunctionTransformer(double),
        lambda: np.arange(3),
        lambda: np.int64(3),
        lambda: Ridge,
        lambda: double,
        lambda: Path("a"),
        lambda: Greeter(thing=Greeter()),
    ],
)
def test_what_a_step_is_can_be_written_as_json_and_names_no_address(make: Any) -> None:
    text = json.dumps(Greeter(thing=make()).identity(), sort_keys=True)
    assert text == json.dumps(Greeter(thing=make()).identity(), sort_keys=True)
    assert " at 0x" not in text


def test_two_nameless_functions_are_not_taken_for_one() -> None:
    one, other = (Greeter(thing=lambda value, n=n: value + n) for n in (1, 2))
    assert one.identity() != other.identity()
