"""Changes between two signatures: the rule that each follows, and what the rules mean."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

from modelpact._internal.card import Card, CardTable, Displayed
from modelpact._internal.counts import format_count
from modelpact._internal.text import truncate

__all__ = ["RULES", "Change", "ChangeList", "Direction", "Side"]

Side = Literal["input", "output", "param"]
Direction = Literal["backward", "forward"]


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between two signatures.

    Attributes:
        rule: The rule, a key of `RULES`.
        side: `input`, `output` or `param`.
        path: What changed: `inputs.author.orcid`, `inputs[0]`, `inputs.tags[]` for the items of an
            array, `inputs.scores.*` for the values of a map, `params.top`; `inputs` or `outputs`
            for a whole side.
        old: The old type; None if it was added.
        new: The new type; None if it was removed.
        breaks: The directions in which it breaks callers; empty for a compatible change.
    """

    rule: str
    side: Side
    path: str
    old: str | None
    new: str | None
    breaks: frozenset[Direction]

    def __str__(self) -> str:
        old, new = truncate(self.old or "absent"), truncate(self.new or "absent")
        return f"{self.path}: {old} -> {new} ({self.rule})"

    def to_dict(self) -> dict[str, object]:
        """Return the change as plain data for JSON, with the meaning of its rule."""
        return {**asdict(self), "breaks": sorted(self.breaks), "meaning": RULES[self.rule]}


class ChangeList(Displayed, list[Change]):
    """A list of changes, which a notebook shows as a table."""

    def _card(self) -> Card:
        breaking = sum("backward" in change.breaks for change in self)
        verb = "breaks" if breaking == 1 else "break"
        count = format_count(len(self), "change")
        title = f"{count}, {breaking or 'none'} of which {verb} callers" if self else "no changes"
        rows = [
            (one.rule, one.path, one.old or "", one.new or "", ", ".join(sorted(one.breaks)))
            for one in self
        ]
        table = CardTable("Changes", ("rule", "path", "old", "new", "breaks"), rows)
        status = "breaking" if breaking else "compatible"
        return Card("Changes", title, status, not breaking, tables=[table])


_TYPE_RULES = {
    "TYPE_WIDENED": "the type accepts everything it accepted before, and more",
    "TYPE_NARROWED": "the type accepts less than before, and nothing new",
    "TYPE_CHANGED": "the type rejects some values it accepted before, and accepts new ones",
    "TYPE_EQUIVALENT": "another type that accepts the same values",
    "REQUIRED_ADDED": "a required field was added",
    "OPTIONAL_ADDED": "an optional field was added",
    "REMOVED": (
        "the field was removed; extra columns are ignored, but unknown properties and params are "
        "rejected"
    ),
    "BECAME_REQUIRED": "the field was optional and is now required",
    "BECAME_OPTIONAL": "the field was required and is now optional",
}

_SCHEMA_RULES = {
    "SCHEMA_ADDED": "everything was accepted; now there is a schema",
    "SCHEMA_REMOVED": "there was a schema; now everything is accepted",
    "KIND_CHANGED": "tensors replaced columns, or columns replaced tensors",
    "NAMES_ADDED": "columns were matched by position and are now matched by name",
    "NAMES_REMOVED": "columns were matched by name and are now matched by position",
    "LAYOUT_CHANGED": (
        "the same dict of lists, or list of lists, is read differently, such as one row instead of "
        "columns"
    ),
    "REORDERED": "the names have another order, which is compatible, because they match by name",
}

_TENSOR_RULES = {
    "TENSOR_DTYPE_WIDENED": "the dtype holds every value it held before, and more",
    "TENSOR_DTYPE_NARROWED": "the dtype holds fewer values than before, and no new ones",
    "TENSOR_DTYPE_CHANGED": "the dtype no longer holds some values, and holds new ones",
    "TENSOR_DTYPE_EQUIVALENT": "another dtype that holds the same values in another byte order",
    "TENSOR_SHAPE_WIDENED": "a fixed axis became free",
    "TENSOR_SHAPE_NARROWED": "a free axis became fixed",
    "TENSOR_SHAPE_CHANGED": "the number of axes, or the length of a fixed axis, changed",
    "TENSOR_CELLS_CHANGED": (
        "flat cells of a frame were reshaped; with one more free axis their shape is ambiguous"
    ),
}

_PARAM_RULES = {
    "PARAM_SHAPE_CHANGED": "a list replaced a single value, or a single value replaced a list",
    "PARAM_DEFAULT_CHANGED": (
        "calls without the param get other results; this is the only rule about meaning"
    ),
}

RULES: dict[str, str] = {
    **{
        f"{side}_{name}": meaning
        for side in ("INPUT", "OUTPUT")
        for name, meaning in (_SCHEMA_RULES | _TYPE_RULES).items()
    },
    **{f"PARAM_{name}": meaning for name, meaning in _TYPE_RULES.items()},
    **_TENSOR_RULES,
    **_PARAM_RULES,
}
"""The rules of `diff` with their meanings."""
