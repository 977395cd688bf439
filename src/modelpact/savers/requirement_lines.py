"""Checks the lines of pip requirements before a model is saved with them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from packaging.requirements import InvalidRequirement, Requirement

from modelpact._internal.text import truncate
from modelpact.errors import SaveError

__all__ = ["check_requirements"]

_OPTION = re.compile(r"(?:^|(?<=\s))(-[A-Za-z](?![A-Za-z-])|--?[A-Za-z][\w-]+)")
_COMMENT = re.compile(r"(^|\s+)#.*$")


def check_requirements(lines: Iterable[str], place: str, allowed: Collection[str]) -> None:
    """Check that every line is a requirement by name, without options.

    Args:
        lines: The lines of a requirements file.
        place: Where they come from, for messages.
        allowed: The options of pip that are accepted, such as `--index-url`, and `url` for
            requirements with a URL.

    Raises:
        SaveError: A line is malformed, or installs packages from another place.
    """
    for number, line in enumerate(lines, start=1):
        text = _COMMENT.sub("", line).strip()
        problem = _find_problem(text, allowed) if text else ""
        if problem:
            raise SaveError(
                f"{place}, line {number}: {truncate(text)!r} {problem}",
                remedy="Write a name with versions, such as scikit-learn==1.7.0. Options and URLs "
                "that you trust are allowed by saver.allowed_requirement_options.",
            )


def _find_problem(text: str, allowed: Collection[str]) -> str:
    """Return what is wrong with a line; empty if it is accepted."""
    options = _OPTION.findall(text)
    refused = [option for option in options if option not in allowed]
    if refused:
        return f"has the option {refused[0]}, which is not allowed"
    if "${" in text:
        return "refers to an environment variable"
    if text.startswith("-"):
        return ""
    try:
        requirement = Requirement(text.partition(" --")[0])
    except InvalidRequirement as error:
        is_place = "://" in text or text.startswith((".", "/")) or "\\" in text
        what = "a URL or path" if is_place else f"not a requirement: {str(error).splitlines()[0]}"
        return "" if is_place and "url" in allowed else f"is {what}"
    is_refused = requirement.url is not None and "url" not in allowed
    return "has a URL, which is not allowed" if is_refused else ""
