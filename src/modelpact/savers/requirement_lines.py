"""Checks the requirements for pip before a model is saved with them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import cast

from packaging.requirements import InvalidRequirement, Requirement

from modelpact._internal.requirements import strip_comment
from modelpact._internal.text import truncate
from modelpact.errors import SaveError

__all__ = ["check_requirements", "check_saved_requirements"]

_OPTION = re.compile(r"(?:^|(?<=\s))(-[A-Za-z](?![A-Za-z-])|--?[A-Za-z][\w-]+)")


def check_saved_requirements(folder: Path, allowed: Collection[str]) -> None:
    """Check the files with requirements of a saved model, and of models within it.

    Args:
        folder: The folder of the model.
        allowed: As for `check_requirements`.

    Raises:
        SaveError: A file or a requirement is malformed, or installs packages from another place.
    """
    for model in sorted(file.parent for file in folder.rglob("MLmodel")):
        prefix = "" if model == folder else f"{model.relative_to(folder).as_posix()}/"
        for name in _READERS:
            file = model / name
            if file.exists():
                place = f"{prefix}{name} of the model"
                check_requirements(_read_lines(file, place), place, allowed)


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
        text = strip_comment(line)
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
    return _find_problem_of_requirement(text, "url" in allowed)


def _find_problem_of_requirement(text: str, allows_urls: bool) -> str:
    try:
        requirement = Requirement(text.partition(" --")[0])
    except InvalidRequirement as error:
        if "://" in text or text.startswith((".", "/")) or "\\" in text:
            return "" if allows_urls else "is a URL or path"
        return f"is not a requirement: {str(error).splitlines()[0]}"
    is_refused = requirement.url is not None and not allows_urls
    return "has a URL, which is not allowed" if is_refused else ""


def _read_lines(file: Path, place: str) -> list[str]:
    """Return the requirements in a file of a saved model."""
    try:
        lines = _READERS[file.name](file.read_text(encoding="utf-8", errors="replace"))
        if not all(isinstance(line, str) for line in lines):
            raise ValueError("a requirement is not text")
    except ValueError as error:
        raise SaveError(
            f"{place} is malformed: {error}",
            remedy="Correct the file, or save the model again.",
        ) from error
    return cast("list[str]", lines)


def _split_lines(text: str) -> list[object]:
    return [*text.splitlines()]


def _read_conda_file(text: str) -> list[object]:
    """Return the requirements in the sections `pip` of a conda environment."""
    items = _read_list(_parse_yaml(text), "dependencies")
    sections = [item for item in items if isinstance(item, dict)]
    return [line for section in sections for line in _read_list(section, "pip")]


def _read_python_file(text: str) -> list[object]:
    """Return the requirements in MLflow's `python_env.yaml` other than `requirements.txt`."""
    content = _parse_yaml(text)
    lines = _read_list(content, "build_dependencies") + _read_list(content, "dependencies")
    return [line for line in lines if line != "-r requirements.txt"]


_READERS: dict[str, Callable[[str], list[object]]] = {
    "requirements.txt": _split_lines,
    "conda.yaml": _read_conda_file,
    "python_env.yaml": _read_python_file,
}


def _parse_yaml(text: str) -> object:
    import yaml  # type: ignore[import-untyped, unused-ignore]

    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(f"invalid YAML: {truncate(error, 160)}") from error


def _read_list(content: object, key: str) -> list[object]:
    """Return the list under a key of a YAML file; an empty one if the key does not exist."""
    value = content.get(key) if isinstance(content, dict) else content
    if value is not None and not isinstance(value, list):
        raise ValueError(f"{key} is not a list")
    return value or []
