from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
import pytest
from omegaconf import OmegaConf
from pydantic import Field, PrivateAttr, TypeAdapter, ValidationError
from sklearn.ensemble import VotingRegressor
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from modelpact.errors import DataError
from modelpact.types import Step, caller_reports_errors


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
def test_wrong_types_and_unknown_options_are_rejected_by_name(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        Greeter(**options)
    assert caught.value.errors()[0]["loc"] == tuple(options)


def test_steps_are_frozen_except_for_private_attributes() -> None:
    greeter = Greeter()
    with pytest.raises(ValidationError, match="frozen"):
        greeter.word = "bye"  # type: ignore[misc]
    greeter._learned = 1
    assert greeter._learned == 1


def test_kind_is_the_name_of_the_class() -> None:
    assert (Greeter().KIND, LoudGreeter().KIND) == ("Greeter", "LoudGreeter")
    with pytest.raises(ValidationError, match="LoudGreeter"):
        LoudGreeter(KIND="Greeter")


def test_unions_of_steps_are_discriminated_by_kind() -> None:
    greeters = TypeAdapter(Annotated[Greeter | LoudGreeter, Field(discriminator="KIND")])
    assert greeters.validate_python({"KIND": "LoudGreeter", "word": "HI"}) == LoudGreeter(word="HI")
    assert greeters.validate_json(Greeter(word="hi").model_dump_json()) == Greeter(word="hi")


def test_omegaconf_containers_become_plain_ones() -> None:
    config = OmegaConf.create({"base": "a", "thing": {"paths": ["${base}", {"deep": ["b"]}]}})
    step = Greeter(thing=config.thing)
    assert step.thing == {"paths": ["a", {"deep": ["b"]}]}
    assert type(step.thing["paths"][1]["deep"]) is list


class BrokenReader(Step):
    """Cannot read."""

    def read(self) -> None:
        """Raise."""
        raise DataError("nothing to read", remedy="Write something.")


def test_errors_are_logged_unless_the_caller_reports_them(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with pytest.raises(DataError):
        BrokenReader().read()
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert "BrokenReader.read: nothing to read\nWrite something." in caplog.text
    caplog.clear()
    with pytest.raises(DataError), caller_reports_errors():
        BrokenReader().read()
    assert not caplog.records


def test_identity_excludes_paths() -> None:
    assert Greeter(path="a").identity() == Greeter(path="b").identity()
    assert Greeter().identity() == {
        "class": "tests._internal.test_step.Greeter",
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
def test_identity_depends_on_the_class_and_every_option(one: Step, other: Step) -> None:
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
def test_identity_is_stable_json_without_memory_addresses(make: Any) -> None:
    text = json.dumps(Greeter(thing=make()).identity(), sort_keys=True)
    assert text == json.dumps(Greeter(thing=make()).identity(), sort_keys=True)
    assert " at 0x" not in text


def test_lambdas_have_different_identities() -> None:
    one, other = (Greeter(thing=lambda value, n=n: value + n) for n in (1, 2))
    assert one.identity() != other.identity()
