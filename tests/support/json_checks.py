"""Checks of JSON values that raise the errors of OpenAI's API."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from typing import Any, Literal


class Refusal(Exception):
    """A request that breaks a rule of the API."""

    def __init__(
        self, message: str, param: str | None = None, code: str | None = None, status: int = 400
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.body = {
            "error": {
                "message": message,
                "type": "invalid_request_error",
                "param": param,
                "code": code,
            }
        }


Check = Callable[[str, Any], None]


def wrong_type(name: str, wanted: str, value: object) -> Refusal:
    text = f"Invalid type for '{name}': expected {wanted}, but got {type(value).__name__} instead."
    return Refusal(text, name, "invalid_type")


def check_keys(
    name: str, value: Mapping[str, Any], known: Set[str], needed: Set[str] = frozenset()
) -> None:
    for key in value:
        if key not in known:
            raise Refusal(f"Unknown parameter: '{name}{key}'.", f"{name}{key}", "unknown_parameter")
    for key in sorted(needed):
        if key not in value:
            raise Refusal(
                f"Missing required parameter: '{name}{key}'.",
                f"{name}{key}",
                "missing_required_parameter",
            )


def of_type(*types: type, wanted: str) -> Check:
    def check(name: str, value: object) -> None:
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            raise wrong_type(name, wanted, value)

    return check


def number_between(
    low: float, high: float, kind: Literal["a decimal", "an integer"] = "a decimal"
) -> Check:
    right = of_type(*((int,) if kind == "an integer" else (int, float)), wanted=kind)

    def check(name: str, value: Any) -> None:
        right(name, value)
        if not low <= value <= high:
            side, sign, bound = (
                ("below minimum", ">=", low) if value < low else ("above maximum", "<=", high)
            )
            code = f"{kind.split()[1]}_{'below_min' if value < low else 'above_max'}_value"
            text = f"Invalid '{name}': {kind.split()[1]} {side} value. Expected a value {sign} {bound}, but got {value} instead."
            raise Refusal(text, name, code)

    return check


def integer_between(low: int = -(2**63), high: int = 2**63 - 1) -> Check:
    return number_between(low, high, "an integer")


def one_of(*values: str) -> Check:
    def check(name: str, value: Any) -> None:
        if not isinstance(value, str) or value not in values:
            listed = ", ".join(repr(each) for each in values)
            raise Refusal(
                f"Invalid value: {value!r}. Supported values are: {listed}.", name, "invalid_value"
            )

    return check


is_anything = of_type(object, bool, wanted="a value")
is_boolean = of_type(bool, wanted="a boolean")
is_string = of_type(str, wanted="a string")
is_object = of_type(dict, wanted="an object")
is_array = of_type(list, wanted="an array")
