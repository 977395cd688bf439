"""Type hints without what wraps them."""

from __future__ import annotations

import typing
from typing import Any, get_args, get_origin

__all__ = ["unwrap_hint"]


def unwrap_hint(hint: Any) -> Any:
    """Return the type within `Annotated`, `Required`, `NotRequired`, `NewType` and type aliases.

    Example:
        >>> unwrap_hint(typing.Annotated[int, "years"])
        <class 'int'>
    """
    while True:
        if get_origin(hint) in (typing.Annotated, typing.Required, typing.NotRequired):
            hint = get_args(hint)[0]
        elif isinstance(hint, typing.NewType):
            hint = hint.__supertype__
        elif type(hint).__name__ == "TypeAliasType":
            # `type X = list[int]`, since Python 3.12.
            hint = hint.__value__
        else:
            return hint
