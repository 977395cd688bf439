"""Parses lines of JSON; data sources and batches accept the same lines."""

from __future__ import annotations

import json
from typing import Any, NoReturn

__all__ = ["MalformedLineError", "parse_line"]


class MalformedLineError(ValueError):
    """A line that cannot be parsed.

    Attributes:
        expected: What the line should be.
        got: What it is.
    """

    def __init__(self, expected: str, got: str) -> None:
        super().__init__(f"expected {expected}, got {got}")
        self.expected = expected
        self.got = got


def parse_line(line: bytes) -> Any:
    """Return the JSON value of a line.

    Raises:
        MalformedLineError: The line is not valid JSON in UTF-8.
    """
    try:
        value = json.loads(line.decode(), parse_constant=_reject_constant)
        if b"\\u" in line:
            # An unpaired surrogate cannot be encoded.
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeDecodeError:
        raise MalformedLineError("UTF-8 text", "invalid bytes") from None
    except UnicodeEncodeError:
        raise MalformedLineError("Unicode text", "an unpaired surrogate") from None
    except RecursionError:
        raise MalformedLineError("JSON", "a value that is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise MalformedLineError("JSON", f"column {error.colno}: {error.msg}") from None
    except ValueError as error:
        raise MalformedLineError("JSON", str(error)[:60]) from None
    return value


def _reject_constant(name: str) -> NoReturn:
    raise ValueError(f"{name}, which is not valid JSON")
