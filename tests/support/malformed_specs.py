"""Malformed signatures and types, and the problems that they are reported with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from modelpact.errors import SpecError
from modelpact.signature import parse


def report_problems(spec: Any, parse: Callable[[Any], Any] = parse) -> str:
    """Return the problems of a malformed spec, each as a line `path: text`."""
    with pytest.raises(SpecError) as caught:
        parse(spec)
    lines = [f"{path}: {text}" if path else text for path, text in caught.value.problems]
    assert all(line in str(caught.value) for line in lines[:20])
    return "\n".join(lines)
