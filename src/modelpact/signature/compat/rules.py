"""What can change between two signatures, by name, and what each change means."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from modelpact._internal.text import truncate

__all__ = ["RULES", "Change", "Direction", "Side"]

Side = Literal["input", "output", "param"]
Direction = Literal["backward", "forward"]


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between two signatures.

    Attributes:
        rule: Its name, one of `RULES`.
        side: `input`, `output` or `param`.
        path: Where: `inputs.author.orcid`, `inputs[0]`, `inputs.tags[]` for the items of an array, `inputs.scores.*` for the
            values of a map, `params.top`; `inputs` or `outputs` for all of a side.
        old: What was there; None where nothing was.
        new: What is there now; None where nothing is.
        breaks: The directions that it breaks; empty where nobody notices it.
    """

    rule: str
    side: Side
    path: str
    old: str | None
    new: str | None
    breaks: frozenset[Direction]

    def __str__(self) -> str:
        return f"{self.path}: {truncate(self.old or 'nothing')} -> {truncate(self.new or 'nothing')} ({self.rule})"

    def to_dict(self) -> dict[str, Any]:
        """The change as plain data for JSON; `meaning` says what its rule means."""
        return {**asdict(self), "breaks": sorted(self.breaks), "meaning": RULES[self.rule]}


_TYPES = {
    "TYPE_WIDENED": "the type takes all that it took, and more",
    "TYPE_NARROWED": "the type takes less than it took, and nothing new",
    "TYPE_CHANGED": "the type refuses some of what it took, and takes something else",
    "TYPE_EQUIVALENT": "another type, which takes the same",
    "REQUIRED_ADDED": "something new must be there",
    "OPTIONAL_ADDED": "something new may be there",
    "REMOVED": "what was there is unknown now: extra columns are left out, but unknown properties and params are refused",
    "BECAME_REQUIRED": "what could be left out, or be null, must be there",
    "BECAME_OPTIONAL": "what had to be there can be left out, or be null",
}

_SIDES = {
    "SCHEMA_ADDED": "anything was taken; now there is a schema",
    "SCHEMA_REMOVED": "there was a schema; now anything is taken",
    "KIND_CHANGED": "tensors instead of columns, or columns instead of tensors",
    "NAMES_ADDED": "what was found by its position is found by its name",
    "NAMES_REMOVED": "what was found by its name is found by its position",
    "LAYOUT_CHANGED": "the same dict of lists, or list of lists, is read in another way: as one row instead of columns, say",
    "REORDERED": "the same names in another order; they are found by name, so nobody notices",
}

_TENSORS = {
    "TENSOR_DTYPE_WIDENED": "the dtype holds all that it held, and more",
    "TENSOR_DTYPE_NARROWED": "the dtype holds less than it held, and nothing new",
    "TENSOR_DTYPE_CHANGED": "the dtype does not hold some of what it held, and holds something else",
    "TENSOR_DTYPE_EQUIVALENT": "another dtype, which holds the same: the same one in another order of bytes",
    "TENSOR_SHAPE_WIDENED": "an axis that was fixed is free",
    "TENSOR_SHAPE_NARROWED": "an axis that was free is fixed",
    "TENSOR_SHAPE_CHANGED": "another number of axes, or a fixed axis of another length",
    "TENSOR_CELLS_CHANGED": "flat cells of a frame were brought into the shape; one free axis more no longer says into which",
}

_PARAMS = {
    "PARAM_SHAPE_CHANGED": "a list instead of one value, or one value instead of a list",
    "PARAM_DEFAULT_CHANGED": "who leaves it out gets another answer: the one rule that is about meaning",
}

RULES: dict[str, str] = {
    **{
        f"{side}_{name}": text
        for side in ("INPUT", "OUTPUT")
        for name, text in (_SIDES | _TYPES).items()
    },
    **{f"PARAM_{name}": text for name, text in _TYPES.items()},
    **_TENSORS,
    **_PARAMS,
}
"""Every rule with what it means."""
