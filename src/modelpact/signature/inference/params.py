"""Infers the schema of params from example values."""

from __future__ import annotations

from typing import Any

import numpy as np
from mlflow.exceptions import MlflowException
from mlflow.types.schema import ParamSchema, ParamSpec

from modelpact._internal import mlflow_compat
from modelpact.signature.issues import DataIssues
from modelpact.signature.language.json_values import (
    Unstorable,
    find_unstorable,
    is_missing,
    suggest_conversion,
)

__all__ = ["infer_params"]

_EMPTY_LIST = (
    "cannot infer a type from an empty list (MLflow infers datetime)",
    "provide at least one item, or write the signature: '[string] = []'",
)
_EMPTY_DICT = (
    "cannot infer a type from an empty dict",
    """write the signature with optional keys: '{"key?": double} = {}'""",
)


def infer_params(params: object, issues: DataIssues) -> ParamSchema | None:
    """Infer the schema of params as MLflow does; return None after adding an issue.

    Args:
        params: Example values by name; they become the defaults.
        issues: Collects the params without a type.
    """
    if not isinstance(params, dict):
        issues.add((), f"params of type {type(params).__name__}", "provide a dict of values")
        return None
    specs = [_infer_param(name, value, issues) for name, value in params.items()]
    found = list(filter(None, specs))
    return ParamSchema(found) if len(found) == len(specs) else None


def _infer_param(name: object, value: Any, issues: DataIssues) -> ParamSpec | None:
    """Infer one param; return None after adding an issue."""
    if not isinstance(name, str) or type(name) not in (str, np.str_):
        text = f"the name of a param must be a string, not {name!r} ({type(name).__name__})"
        issues.add((), text, f"write {str(getattr(name, 'value', name))!r}")
        return None
    if found := find_unstorable(name):
        issues.add((), f"the name {found.text}", found.remedy)
        return None
    found = _find_problem(value, ())
    if found is None:
        try:
            spec: ParamSpec = mlflow_compat.infer_params({name: value}).params[0]
            return spec
        except (MlflowException, TypeError, ValueError):
            text = f"a value of type {type(value).__name__} has no MLflow type"
            found = Unstorable((), text, _suggest(value))
    issues.add((name, *found.path), found.text, found.remedy)
    return None


def _find_problem(value: Any, path: tuple[int, ...]) -> Unstorable | None:
    """Return why a value cannot be stored or typed, where MLflow would not notice; or None."""
    if _is_empty(value):
        return Unstorable(path, *(_EMPTY_DICT if isinstance(value, dict) else _EMPTY_LIST))
    if isinstance(value, (dict, str)):
        return find_unstorable(value, path)
    if isinstance(value, list) and not path:
        found = (_find_problem(item, (index,)) for index, item in enumerate(value))
        return next(filter(None, found), None)
    return _find_untyped(value, path)


def _is_empty(value: object) -> bool:
    if isinstance(value, np.ndarray):
        return not value.size
    return isinstance(value, (list, dict)) and not value


def _find_untyped(value: object, path: tuple[int, ...]) -> Unstorable | None:
    if getattr(value, "tzinfo", None) is not None:
        text = "MLflow stores datetimes without a time zone"
        return Unstorable(path, text, "provide it in UTC and without tzinfo")
    if is_missing(value):
        text = f"a value of type {type(value).__name__} has no MLflow type"
        return Unstorable(path, text, suggest_conversion(value))
    return None


def _suggest(value: object) -> str:
    if value is None:
        return "provide an example value, or write the signature with a default of null"
    if isinstance(value, np.ndarray) and value.ndim > 1:
        return "wrap it in a dict, as in {'items': value.tolist()}"
    return _suggest_for_list(value) if isinstance(value, list) else suggest_conversion(value)


def _suggest_for_list(value: list[object]) -> str:
    if any(isinstance(item, (dict, list, tuple, np.ndarray)) for item in value):
        return "wrap it in a dict, as in {'items': [...]}"
    kinds = sorted({type(item).__name__ for item in value})
    if len(kinds) > 1:
        return f"provide items of one type, not of {len(kinds)} ({', '.join(kinds[:5])})"
    return f"for each item: {_suggest(value[0])}"
