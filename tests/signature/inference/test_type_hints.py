"""Schemas of type hints: MLflow's where it supports a hint, more kinds of hints, and errors."""

from __future__ import annotations

import collections
import datetime
import decimal
import enum
import re
import types
import typing
import uuid
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import (  # noqa: UP035
    Annotated,
    Any,
    Dict,
    List,
    Literal,
    NamedTuple,
    NewType,
    NotRequired,
    Optional,
    TypedDict,
    Union,
)

import numpy as np
import pandas as pd
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.pyfunc.model import PythonModel
from mlflow.types.schema import AnyType, Array, ColSpec, DataType, Map, Object, Property, Schema
from mlflow.types.type_hints import (
    _infer_schema_from_list_type_hint,
    _infer_schema_from_type_hint,
    _is_list_type_hint,
)

from modelpact.errors import SignError
from modelpact.signature import from_predict, from_type_hint, to_spec


class Address(pydantic.BaseModel):
    street: str
    number: int | None = None


class Order(pydantic.BaseModel):
    identity: int = pydantic.Field(alias="id", serialization_alias="ID")
    model_config = pydantic.ConfigDict(populate_by_name=True)
    paid: bool = False
    price: float = pydantic.Field(default=1.0, gt=0)
    blob: bytes
    at: datetime.datetime
    address: Address
    others: list[Address] = []
    maybe: Address | None = None
    tags: Optional[List[str]] = None  # noqa: UP006, UP045
    scores: dict[str, list[float]] = {}
    anything: Any = None
    either: int | str = 1
    perhaps: Union[int, str, None] = None  # noqa: UP007
    size: Annotated[int, pydantic.Field(gt=0)] = 1


class Special(Order):
    extra: str = "x"


T = typing.TypeVar("T")


class Box(pydantic.BaseModel, typing.Generic[T]):
    content: T


class Root(pydantic.RootModel[list[int]]):
    pass


def list_of(element: Any) -> Any:
    return types.GenericAlias(list, (element,))


def map_of(value: Any) -> Any:
    return types.GenericAlias(dict, (str, value))


ELEMENTS: list[Any] = [
    *(int, str, bool, float, bytes, datetime.datetime, Any),
    *(list[int], List[str], list[list[float]], list[Any], list[datetime.datetime], list[bytes]),  # noqa: UP006
    *(dict[str, int], Dict[str, str], dict[str, Any]),  # noqa: UP006
    *(dict[str, list[int]], dict[str, dict[str, bool]], list[dict[str, float]]),
    *(Address, Order, Special, Box[int], Box[Address], Box[list[Address]]),
    *(list[Order], list[list[Address]]),
    *(int | str, Union[int, str], Union[Address, str], list[int | str], list[int | None]),  # noqa: UP007
    *(list[Optional[Address]], dict[str, int | None]),  # noqa: UP045
]  # fmt: skip
HINTS = [
    hint
    for element in ELEMENTS
    for hint in (list_of(element), list_of(list_of(element)), list_of(map_of(element)))
]


def mlflow_schema(hint: Any, role: str = "inputs") -> Schema:
    """Return MLflow's schema of a hint, without its warnings about `any`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if role == "outputs" and not _is_list_type_hint(hint):
            return _infer_schema_from_type_hint(hint)
        return _infer_schema_from_list_type_hint(hint)


@pytest.mark.parametrize("hint", HINTS, ids=str)
def test_supported_hints_have_the_schema_of_mlflow(hint: Any) -> None:
    assert from_type_hint(hint) == mlflow_schema(hint)
    assert from_type_hint(hint, role="outputs") == mlflow_schema(hint, "outputs")


@pytest.mark.parametrize("hint", ELEMENTS, ids=str)
def test_outputs_can_be_hinted_without_list(hint: Any) -> None:
    try:
        expected = mlflow_schema(hint, "outputs")
    except MlflowException:  # a list of Optional: MLflow would store `any` and say nothing
        with pytest.raises(SignError, match="cannot derive a schema"):
            from_type_hint(hint, role="outputs")
    else:
        assert from_type_hint(hint, role="outputs") == expected


_models: st.SearchStrategy[Any] = st.deferred(
    lambda: st.dictionaries(st.sampled_from(["a", "b", "c"]), _fields, min_size=1, max_size=3)
).map(lambda fields: pydantic.create_model("Model", **fields))
_hints: st.SearchStrategy[Any] = st.recursive(
    st.sampled_from([int, str, bool, float, bytes, datetime.datetime, Any]),
    lambda inner: st.one_of(inner.map(list_of), inner.map(map_of), _models),
    max_leaves=3,
)
_fields: st.SearchStrategy[Any] = _hints.flatmap(
    lambda hint: st.sampled_from([(hint, ...), (hint, None), (Optional[hint], None)])  # noqa: UP045
)


@given(_hints)
def test_random_hints_have_the_schema_of_mlflow(hint: Any) -> None:
    assert from_type_hint(list[hint]) == mlflow_schema(list[hint])


class Early(pydantic.BaseModel):
    late: list[Late]


class Late(pydantic.BaseModel):
    x: int


def test_models_with_forward_references_are_read() -> None:
    late = Object([Property("x", DataType.long)])
    assert from_type_hint(list[Early]) == Schema([ColSpec(Object([Property("late", Array(late))]))])


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Mixed(enum.Enum):
    ONE = 1
    TWO = "two"


class Empty(enum.Enum):
    pass


class Text(enum.StrEnum):
    A = "a"


class Choice(pydantic.BaseModel):
    colour: Colour
    level: Level = Level.LOW
    mode: Literal["fast", "slow"] = "fast"
    maybe: Literal["x", None] = None
    day: datetime.date
    other: Optional[Colour] = None  # noqa: UP045
    days: list[datetime.date] = []


class Chat(TypedDict):
    role: Literal["user", "system"]
    content: str
    name: NotRequired[str]
    score: float | None


class Loose(TypedDict, total=False):
    a: int
    b: typing.Required[str]


@dataclass
class Plain:
    x: int
    label: str | None = None
    computed: int = field(default=0, init=False)


UserId = NewType("UserId", int)
CHAT = Object(
    [
        Property("role", DataType.string),
        Property("content", DataType.string),
        Property("name", DataType.string, required=False),
        Property("score", DataType.double, required=False),
    ]
)
CHOICE = Object(
    [
        Property("colour", DataType.string),
        Property("level", DataType.long),
        Property("mode", DataType.string),
        Property("maybe", DataType.string, required=False),
        Property("day", DataType.datetime),
        Property("other", DataType.string, required=False),
        Property("days", Array(DataType.datetime)),
    ]
)


@pytest.mark.parametrize(
    ("element", "dtype"),
    [
        (datetime.date, DataType.datetime),
        (Literal["a", "b"], DataType.string),
        (Literal[1, 2], DataType.long),
        (Literal[True], DataType.boolean),
        (Literal[b"x"], DataType.binary),
        (Literal[Colour.RED], DataType.string),
        (Colour, DataType.string),
        (Level, DataType.long),
        (Text, DataType.string),
        (Choice, CHOICE),
        (Chat, CHAT),
        (
            Loose,
            Object([Property("a", DataType.long, required=False), Property("b", DataType.string)]),
        ),
        (
            Plain,
            Object(
                [Property("x", DataType.long), Property("label", DataType.string, required=False)]
            ),
        ),
        (Annotated[int, "unit: years"], DataType.long),
        (UserId, DataType.long),
        (list[Literal["a"]], Array(DataType.string)),
        (dict[str, Colour], Map(DataType.string)),
        (list[Annotated[Chat, "x"]], Array(CHAT)),
        (Optional[Any], None),  # noqa: UP045
    ],
    ids=str,
)
def test_hints_that_mlflow_does_not_support(element: Any, dtype: Any) -> None:
    if dtype is None:
        assert from_type_hint(list[list[element]]) == Schema([ColSpec(Array(AnyType()))])
        return
    assert from_type_hint(list[element]) == Schema([ColSpec(dtype)])
    with pytest.raises(MlflowException):
        mlflow_schema(list[element])


class Renamed(pydantic.BaseModel):
    a: int = pydantic.Field(alias="A")
    b: int = pydantic.Field(validation_alias=pydantic.AliasChoices("B", "beta"))
    hidden: int = pydantic.Field(default=0, exclude=True)

    @pydantic.computed_field  # type: ignore[prop-decorator]
    @property
    def total(self) -> int:
        return self.a + self.b


class Dumped(Renamed):
    model_config = pydantic.ConfigDict(serialize_by_alias=True)


def spec_of(hint: Any, role: Literal["inputs", "outputs"]) -> Any:
    signature = ModelSignature(outputs=from_type_hint(hint, role=role))
    return to_spec(signature)["outputs"][0]


def test_inputs_have_the_names_that_pydantic_validates() -> None:
    assert spec_of(list[Renamed], "inputs") == {"A": "long", "B": "long", "hidden": "long"}


def test_outputs_have_what_model_dump_returns() -> None:
    assert spec_of(list[Renamed], "outputs") == {"a": "long", "b": "long", "total": "long"}
    assert spec_of(list[Dumped], "outputs") == {"A": "long", "b": "long", "total": "long"}
    dumped = Dumped(A=1, B=2).model_dump()
    assert set(dumped) == {"A", "b", "total"}


class ByPath(pydantic.BaseModel):
    first: str = pydantic.Field(validation_alias=pydantic.AliasPath("names", 0))


def test_a_field_that_no_key_sets_is_rejected() -> None:
    with pytest.raises(SignError, match="A property has one name: give first an alias") as caught:
        from_type_hint(list[ByPath])
    assert caught.value.path == "inputs[].first"


def test_a_root_model_has_the_type_of_its_root() -> None:
    assert spec_of(list[Root], "inputs") == ["long"]


class Point(NamedTuple):
    x: int


class Tree(pydantic.BaseModel):
    children: list[Tree] = []


class Nothing(pydantic.BaseModel):
    pass


class NoDefault(pydantic.BaseModel):
    inner: int | None


class Deep(pydantic.BaseModel):
    lines: list[dict[str, decimal.Decimal]]


WITHOUT_SCHEMA: list[tuple[Any, str, str]] = [
    (int, "inputs", "The inputs are a list of rows: write list[int]."),
    (str | None, "inputs", "The inputs are a list of rows: write list[str | None]."),
    (dict[str, int], "inputs", "The inputs are a list of rows: write list[dict[str, int]]."),
    (Address, "inputs", "The inputs are a list of rows: write list[Address]."),
    (Any, "inputs", "The inputs are a list of rows: write list[Any]."),
    (
        Optional[list[int]],  # noqa: UP045
        "inputs",
        "The inputs are a list of rows, which cannot be None or a union",
    ),
    (list, "inputs", "A list needs the type of its items, such as list[str]."),
    (List, "inputs", "A list needs the type of its items, such as list[str]."),  # noqa: UP006
    (
        dict,
        "inputs",
        "Write the types of keys and values, such as dict[str, float]; for named fields use a "
        "Pydantic model.",
    ),
    (list_of(list), "inputs[]", "Write the type of the items, such as list[str]."),
    (list_of(dict), "inputs[]", "Write the types of keys and values"),
    (list_of(Dict), "inputs[]", "A dict needs the types of its keys and values"),  # noqa: UP006
    (list[dict[int, str]], "inputs[]", "The keys of a map are strings: write dict[str, str]."),
    (list[Optional[int]], "inputs[]", "A row cannot be None"),  # noqa: UP045
    (list[tuple[int, ...]], "inputs[]", "Write list[int]."),
    (list[set[str]], "inputs[]", "Write list[str]."),
    (list[Sequence[str]], "inputs[]", "Write list[str]."),
    (Iterable[str], "inputs", "Write list[str]."),
    (list[Mapping[str, int]], "inputs[]", "Write dict[str, int]."),
    (list[collections.OrderedDict[str, int]], "inputs[]", "Write dict[str, int]."),
    (
        pd.DataFrame,
        "inputs",
        "It names a container, not its columns: infer the signature from data (signer=infer)",
    ),
    (np.ndarray, "inputs", "It names a container, not its columns"),
    (list[np.ndarray], "inputs[]", "It names a container, not its columns"),
    (list[np.float32], "inputs[]", "Write float: hints name Python's types, not NumPy's."),
    (list[np.int64], "inputs[]", "Write int: hints name Python's types, not NumPy's."),
    (list[decimal.Decimal], "inputs[]", "write float, or str to keep every digit"),
    (list[complex], "inputs[]", "write two floats"),
    (list[datetime.timedelta], "inputs[]", "write float, in seconds"),
    (list[datetime.time], "inputs[]", "write str"),
    (list[uuid.UUID], "inputs[]", "Write str"),
    (list[Path], "inputs[]", "Write str"),
    (list[object], "inputs[]", "Write Any"),
    (list[None], "inputs[]", "Write the type of the other values, such as Optional[str]."),
    (list[Point], "inputs[]", "Make Point a Pydantic model"),
    (list_of(T), "inputs[]", "T is a type variable: write a concrete type."),
    (list[Callable[[int], int]], "inputs[]", "Use int, float, str"),
    (list[Literal[1, "a"]], "inputs[]", "Its values must have one type"),
    (list[Mixed], "inputs[]", "Its values must have one type"),
    (list[Empty], "inputs[]", "Its values must have one type"),
    (list[Tree], "inputs[].children[]", "A schema cannot be recursive"),
    (list[Nothing], "inputs[]", "An object needs at least one field"),
    (
        list[NoDefault],
        "inputs[].inner",
        "A field that may be None needs the default None: inner: int | None = None.",
    ),
    (list[Deep], "inputs[].lines[].*", "No MLflow type holds a decimal"),
    (list["int"], "inputs[]", "Use the type itself, not its name as a string."),
    ("list[int]", "inputs", "Use the type itself, not its name as a string."),
    (3, "inputs", "Use int, float, str"),
]


@pytest.mark.parametrize(
    ("hint", "path", "remedy"), WITHOUT_SCHEMA, ids=[str(hint) for hint, _, _ in WITHOUT_SCHEMA]
)
def test_hints_without_schema_get_a_suggestion(hint: Any, path: str, remedy: str) -> None:
    with pytest.raises(SignError) as caught:
        from_type_hint(hint)
    assert caught.value.path == path
    assert str(caught.value.hint) in caught.value.message
    assert remedy in caught.value.remedy
    with pytest.raises((MlflowException, TypeError, RecursionError, AttributeError)):
        mlflow_schema(hint)


def test_messages_have_a_limit() -> None:
    with pytest.raises(SignError) as caught:
        from_type_hint(list_of(Literal.__getitem__((*map(str, range(100)), 1))))
    assert len(str(caught.value)) < 400


class WithContext(PythonModel):
    def predict(
        self, context: Any, model_input: list[Address], params: dict[str, Any] | None = None
    ) -> list[float]:
        return [1.0 for _ in model_input]


class WithoutContext(PythonModel):
    def predict(  # type: ignore[override]
        self, model_input: list[str], params: Any = None
    ) -> dict[str, float]:
        return dict.fromkeys(model_input, 1.0)


def hinted(model_input: list[int]) -> list[str]:
    return [str(item) for item in model_input]


def unhinted(model_input, params=None):  # type: ignore[no-untyped-def]
    return model_input


def frames(model_input: pd.DataFrame) -> np.ndarray[Any, Any]:
    return model_input.to_numpy()


def anything(model_input: Any) -> None: ...


def either(model_input: pd.DataFrame | np.ndarray[Any, Any]) -> Any: ...


def half(model_input, params=None) -> list[float]:  # type: ignore[no-untyped-def]
    return [1.0]


@pytest.mark.parametrize(
    "model", [WithContext(), WithContext, WithContext().predict, WithContext.predict]
)
def test_from_predict_accepts_models_classes_and_methods(model: Any) -> None:
    assert from_predict(model) == (from_type_hint(list[Address]), from_type_hint(list[float]))


@pytest.mark.parametrize("model", [WithContext(), WithoutContext()])
def test_from_predict_equals_mlflow(model: Any) -> None:
    hints = model.predict_type_hints
    assert from_predict(model) == (
        mlflow_schema(hints.input),
        mlflow_schema(hints.output, "outputs"),
    )


class CallableModel:
    def __call__(self, model_input: list[int]) -> list[str]:
        return [str(item) for item in model_input]


def test_from_predict_accepts_callable_objects() -> None:
    assert from_predict(CallableModel()) == from_predict(hinted)


def test_from_predict_accepts_functions_and_missing_hints() -> None:
    assert from_predict(hinted) == (from_type_hint(list[int]), from_type_hint(list[str]))
    assert from_predict(unhinted) == from_predict(frames) == (None, None)
    assert from_predict(either) == (None, Schema([ColSpec(AnyType())]))
    assert from_predict(anything) == (None, None)
    assert from_predict(half) == (None, from_type_hint(list[float]))


def test_undefined_names_are_rejected() -> None:
    def predict(model_input: list[Missing]) -> list[int]: ...  # type: ignore[name-defined, empty-body]  # noqa: F821

    with pytest.raises(
        SignError, match=r"cannot read the type hints of .*: name 'Missing' is not defined"
    ):
        from_predict(predict)


class Contradicting(pydantic.BaseModel):
    x: Annotated[int, pydantic.Field(gt=5, lt=3)]


class Encoded(pydantic.BaseModel):
    x: pydantic.Json[list[int]]


@pytest.mark.parametrize(
    ("hint", "path", "reason"),
    [
        (list[Contradicting], "inputs[].x", "No value is within gt=5 and lt=3."),
        (
            list[Annotated[float, pydantic.Field(ge=1, lt=1)]],
            "inputs[]",
            "No value is within ge=1 and lt=1.",
        ),
        (
            list[Annotated[str, pydantic.Field(min_length=3, max_length=2)]],
            "inputs[]",
            "No value is within",
        ),
        (list[Encoded], "inputs[].x", "Write str, and parse the JSON in predict."),
    ],
)
def test_inputs_that_no_row_can_satisfy(hint: Any, path: str, reason: str) -> None:
    with pytest.raises(SignError, match=re.escape(reason)) as caught:
        from_type_hint(hint)
    assert caught.value.path == path
    assert from_type_hint(hint, role="outputs") is not None


def test_nested_constraints_of_predict_are_read() -> None:
    def predict(
        inputs: list[Annotated[int, pydantic.Field(gt=2, lt=1)]],
    ) -> Annotated[list[int], "n"]:
        return inputs

    with pytest.raises(SignError, match="No value is within gt=2 and lt=1"):
        from_predict(predict)


@pytest.mark.parametrize(
    "field",
    [pydantic.Field(ge=1, le=1), pydantic.Field(min_length=0, max_length=0), pydantic.Field(gt=0)],
)
def test_narrow_constraints_are_signed(field: Any) -> None:
    assert from_type_hint(list[Annotated[str, field]]) == Schema([ColSpec("string")])
