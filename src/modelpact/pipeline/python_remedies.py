"""Remedies in the words of Python: `register={"extra": "warn"}` for `register.extra=warn`."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Collection, Iterator
from typing import Any

from modelpact.errors import PactError
from modelpact.pipeline.step_arguments import DEFAULT_STEPS, find_option, list_options
from modelpact.types import caller_reports_errors

__all__ = ["remedies_in_python", "to_python"]

_OBJECTS = ("data", "model")
"""Groups that are objects in Python: their keys are arguments of the class."""

_COMMAND_LINE_ONLY: dict[str, str | Callable[[re.Match[str]], str]] = {
    r"; on the command line, HYDRA_FULL_ERROR=1 prints it": "",
    r"run the same command again; resume a sweep with resume=true": "try again",
    r"Choose model=table, (\w)": lambda found: found[1].upper(),
    r"contract=<name>": "signature={...}",
    r"model\.estimator=\{_target_: [\w.]*\.(\w+)\}": r"estimator=\1()",
}
"""What has another form in Python, by its pattern."""

_FLOW = r"(?!)"
for _ in range(4):
    _FLOW = rf"""[\[{{](?:"(?:[^"\\]|\\.)*"|'[^']*'|[^\[\]{{}}"']|{_FLOW})*[\]}}]"""
# A dot at the end of a sentence does not belong to the value, but three dots do.
_WORD = r"""[^\s,;()'"\[\]{}]*(?:(?<!\.)\.\.\.|[^\s,;:.()'"\[\]{}])"""
_VALUE = rf"""(?:<[^>\n]*>|"(?:[^"\\]|\\.)*"|{_FLOW}|{_WORD})"""
_KEY = rf"(?:{'|'.join(['name', *_OBJECTS, *DEFAULT_STEPS])})(?:\.\w+)*"
_QUOTED = rf"(?:'{_KEY}=(?:{_VALUE}|[^']+)'|{_KEY}={_VALUE})"
_OVERRIDES = re.compile(rf"(?<![\w.`-]){_QUOTED}(?: {_QUOTED})*")
_COMMAND = re.compile(rf"(?<![\w.`-])(?<!modelpact )task=\w+(?: task\.\w+={_VALUE})*")


@contextlib.contextmanager
def remedies_in_python(arguments: Collection[str] = ()) -> Iterator[None]:
    """Name arguments in the remedies of errors, unless the command line reports the errors.

    Args:
        arguments: Groups whose keys are arguments of the function itself.
    """
    with caller_reports_errors() as is_reported:
        try:
            yield
        except PactError as error:
            if not is_reported:
                error.remedy = to_python(error.remedy, arguments)
                # Quoted for the shell, and for Hydra.
                error.message = re.sub(r"""(as text, write )'(".*?")'""", r"\1\2", error.message)
            raise


def to_python(remedy: str, arguments: Collection[str] = ()) -> str:
    """Return a remedy with arguments of Python in place of overrides; other text stays.

    Example:
        >>> to_python("Set register.if_exists=reuse, or choose signer=infer.")
        'Set register={"if_exists": "reuse"}, or choose signer="infer".'
        >>> to_python("Close it, or write data.quote=null. See task=audit.")
        'Close it, or write quote=None. See `modelpact task=audit`.'
    """
    for pattern, replacement in _COMMAND_LINE_ONLY.items():
        remedy = re.sub(pattern, replacement, remedy)
    remedy = _COMMAND.sub(r"`modelpact \g<0>`", remedy)
    return _OVERRIDES.sub(lambda found: _to_arguments(found[0], arguments), remedy)


def _to_arguments(text: str, arguments: Collection[str]) -> str:
    """Return overrides as arguments; the text itself if one of them is not an override."""
    groups: dict[str, dict[str, str]] = {}
    for override in re.findall(_QUOTED, text):
        key, _, value = override.removeprefix("'").partition("=")
        group, *path = key.split(".")
        if override.startswith("'"):
            value = value.removesuffix("'")
        is_python = value.startswith('"') if group == "name" else value not in list_options(group)
        if not path and is_python:
            return text
        shown = json.dumps(value, ensure_ascii=False) if group == "name" else _render(value)
        for part in reversed(path[1:]):
            shown = f'{{"{part}": {shown}}}'
        groups.setdefault(group, {})[path[0] if path else "_target_"] = shown
    return ", ".join(
        _to_argument(group, options, is_flat=group in (*_OBJECTS, *arguments))
        for group, options in groups.items()
    )


def _to_argument(group: str, options: dict[str, str], *, is_flat: bool) -> str:
    if list(options) == ["_target_"]:
        return f"{group}={options['_target_']}"
    if is_flat:
        return ", ".join(f"{key}={value}" for key, value in options.items())
    option = find_option(group, options)
    if option is not None:
        options = {"_target_": json.dumps(option), **options}
    return (
        f"{group}={{{', '.join(f'{json.dumps(key)}: {value}' for key, value in options.items())}}}"
    )


def _render(value: str) -> str:
    """Return a value of Hydra's grammar as an expression of Python."""
    import yaml

    if value in {"...", "[...]"}:
        return value
    # Hydra escapes quotes and interpolations only, and YAML other characters.
    text = re.sub(
        r'"((?:[^"\\]|\\.)*)"',
        lambda found: json.dumps(re.sub(r'\\(["$])', r"\1", found[1]), ensure_ascii=False),
        value,
    )
    try:
        return _render_node(yaml.compose(text))
    except yaml.YAMLError:
        return json.dumps(value, ensure_ascii=False)


def _render_node(node: Any) -> str:
    if isinstance(node.value, str):
        constants = {"null": "None", "true": "True", "false": "False"}
        is_number = re.fullmatch(r"-?\d+(\.\d+)?", node.value)
        if node.style is None and (is_number or node.value in constants):
            return constants.get(node.value, node.value)
        return json.dumps(node.value, ensure_ascii=False)
    if node.id == "sequence":
        return f"[{', '.join(map(_render_node, node.value))}]"
    items = (f"{_render_node(key)}: {_render_node(value)}" for key, value in node.value)
    return f"{{{', '.join(items)}}}"
