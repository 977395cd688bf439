"""Models with one kind of type hint each. A saved model carries this file."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, NotRequired, Optional, TypedDict

import pandas as pd
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, RootModel, computed_field

from modelpact.models import Model

Params = dict[str, Any] | None


class Row(BaseModel):
    """One number."""

    w: float


class Area(BaseModel):
    """A number and its square."""

    w: float

    @computed_field  # type: ignore[prop-decorator]
    @property
    def area(self) -> float:
        """The square."""
        return self.w**2


class Objects(Model):
    """Takes objects, returns objects with a computed field."""

    def predict(self, inputs: list[Row], params: Params = None) -> list[Area]:
        """Return one object per row."""
        return [Area(w=row.w) for row in inputs]


class Aliased(BaseModel):
    """A field with an alias."""

    first: str = Field(alias="firstName")


class Aliases(Model):
    """Takes and returns objects with an alias."""

    def predict(self, inputs: list[Aliased], params: Params = None) -> list[Aliased]:
        """Return the rows."""
        return [Aliased(firstName=row.first.upper()) for row in inputs]


class Wire(BaseModel):
    """Fields whose names differ in data, in both directions."""

    model_config = ConfigDict(serialize_by_alias=True)

    a: int = Field(validation_alias=AliasChoices("A", "alpha"), serialization_alias="aOut")
    hidden: str = Field(default="", exclude=True)


class Wires(Model):
    """Takes and returns `Wire`."""

    def predict(self, inputs: list[Wire], params: Params = None) -> list[Wire]:
        """Return the rows."""
        return inputs


class Numbers(RootModel[list[int]]):
    """A list of numbers."""


class Roots(Model):
    """Takes and returns root models."""

    def predict(self, inputs: list[Numbers], params: Params = None) -> list[Numbers]:
        """Return each list and its sum."""
        return [Numbers([*row.root, sum(row.root)]) for row in inputs]


class Color(enum.Enum):
    """Two colours."""

    RED = "r"
    GREEN = "g"


class Choice(BaseModel):
    """Values of a closed set."""

    c: Color
    mode: Literal["fast", "slow"]
    member: Literal[Color.RED] = Color.RED


class Choices(Model):
    """Takes enumerations and literals, returns enumerations."""

    def predict(self, inputs: list[Choice], params: Params = None) -> list[Color]:
        """Return the other colour."""
        return [Color.GREEN if row.c is Color.RED else Color.RED for row in inputs]


class Day(BaseModel):
    """A day and a moment, under strict validation."""

    model_config = ConfigDict(strict=True)

    day: dt.date
    at: dt.datetime


class Days(Model):
    """Takes and returns dates."""

    def predict(self, inputs: list[Day], params: Params = None) -> list[Day]:
        """Return the next day."""
        return [Day(day=row.day + dt.timedelta(days=1), at=row.at) for row in inputs]


class Positive(BaseModel):
    """Constrained items."""

    a: list[Annotated[int, Field(gt=0)]]


class Constrained(Model):
    """Takes constrained numbers."""

    def predict(self, inputs: list[Positive], params: Params = None) -> list[int]:
        """Return the sums."""
        return [sum(row.a) for row in inputs]


class Message(TypedDict):
    """A dict with known keys."""

    role: Literal["user", "system"]
    content: str
    name: NotRequired[str]


class Messages(Model):
    """Takes and returns TypedDicts."""

    def predict(self, inputs: list[Message], params: Params = None) -> list[Message]:
        """Return the messages without names."""
        return [{"role": row["role"], "content": row["content"].upper()} for row in inputs]


@dataclasses.dataclass
class Point:
    """A dataclass."""

    x: int
    label: Optional[str] = None  # noqa: UP045


class Points(Model):
    """Takes and returns dataclasses."""

    def predict(self, inputs: list[Point], params: Params = None) -> list[Point]:
        """Return the points, moved by one."""
        return [Point(row.x + 1, row.label) for row in inputs]


class Author(BaseModel):
    """A nested object with an optional field."""

    name: str
    born: dt.date | None = None


class Paper(BaseModel):
    """Nested objects, in lists and maps."""

    title: str
    authors: list[Author]
    origin: Point
    by_kind: dict[str, Author] = {}
    either: int | str = 0


class Papers(Model):
    """Takes nested objects."""

    def predict(self, inputs: list[Paper], params: Params = None) -> list[dict[str, Author]]:
        """Return the authors by name."""
        for row in inputs:
            assert isinstance(row.origin, Point)
        return [{author.name: author for author in row.authors} for row in inputs]


class Dates(Model):
    """Takes bare dates."""

    def predict(self, inputs: list[dt.date], params: Params = None) -> list[int]:
        """Return the years."""
        return [row.year for row in inputs]


class Colors(Model):
    """Takes bare enumeration members."""

    def predict(self, inputs: list[Color], params: Params = None) -> list[str]:
        """Return their names."""
        return [row.name for row in inputs]


class Texts(Model):
    """Takes constrained text."""

    def predict(
        self, inputs: list[Annotated[str, Field(min_length=2)]], params: Params = None
    ) -> list[int]:
        """Return the lengths."""
        return [len(row) for row in inputs]


class Blobs(Model):
    """Takes bytes."""

    def predict(self, inputs: list[bytes], params: Params = None) -> list[int]:
        """Return the lengths."""
        assert all(isinstance(row, bytes) for row in inputs)
        return [len(row) for row in inputs]


class Picture(BaseModel):
    """Bytes within an object."""

    picture: bytes


class Pictures(Model):
    """Takes and returns bytes within objects."""

    def predict(self, inputs: list[Picture], params: Params = None) -> list[Picture]:
        """Return the pictures."""
        assert all(isinstance(row.picture, bytes) for row in inputs)
        return inputs


class Magic(enum.Enum):
    """The first bytes of a file."""

    PNG = b"png"
    GIF = b"gif"


class Header(BaseModel):
    """Bytes of a closed set."""

    magic: Magic
    end: Literal[b"end"] = b"end"


class Headers(Model):
    """Takes enumerations and literals of bytes."""

    def predict(self, inputs: list[Header], params: Params = None) -> list[str]:
        """Return the names."""
        return [row.magic.name for row in inputs]


class Lists(Model):
    """Takes lists of objects."""

    def predict(self, inputs: list[list[Row]], params: Params = None) -> list[float]:
        """Return the sums."""
        return [sum(item.w for item in row) for row in inputs]


class Eithers(Model):
    """Takes one of two kinds of objects."""

    def predict(self, inputs: list[Row | Author], params: Params = None) -> list[str]:
        """Return the names of the classes."""
        return [type(row).__name__ for row in inputs]


class Learner(Model):
    """Counts the objects that it was fitted to; fails, and streams."""

    _total: float = 0.0

    def fit(self, inputs: Any, targets: Any) -> None:
        """Add up the rows."""
        self._total = sum(row.w for row in inputs)

    def predict(self, inputs: list[Row], params: Params = None) -> list[Area]:
        """Return the rows; raise for a negative number."""
        if any(row.w < 0 for row in inputs):
            raise RuntimeError("negative")
        return [Area(w=row.w + self._total) for row in inputs]

    def fallback(self, inputs: Any, params: Params, error: Exception) -> list[Area]:
        """Return the absolute numbers."""
        return [Area(w=-row.w) for row in inputs]

    def predict_stream(self, inputs: list[Row], params: Params = None) -> Iterator[str]:
        """Yield the number of the only row."""
        yield from (f"{row.w:g} " for row in inputs)

    def dump(self, folder: Path) -> None:
        """Write the sum."""
        (folder / "total").write_text(str(self._total))

    def load(self, folder: Path) -> None:
        """Read the sum."""
        self._total = float((folder / "total").read_text())


class FrameLearner(Learner):
    """Is fitted to a DataFrame, as its own hint says."""

    def fit(self, inputs: pd.DataFrame, targets: Any) -> None:
        """Add up the column."""
        self._total = float(sum(row["w"] for row in pd.DataFrame(inputs).to_dict("records")))
