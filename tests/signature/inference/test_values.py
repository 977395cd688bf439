"""The cost of inferring the type of nested values."""

from __future__ import annotations

import sys

from modelpact.signature import infer


def test_differing_keys_take_linear_work() -> None:
    def calls(count: int) -> int:
        rows = [{"d": {f"k{row}": 1.0}} for row in range(count)]
        made = 0

        def counted(frame: object, event: str, argument: object) -> None:
            nonlocal made
            made += event in {"call", "c_call"}

        before = sys.getprofile()
        sys.setprofile(counted)
        try:
            infer(rows)
        finally:
            sys.setprofile(before)
        return made

    calls(100)
    assert calls(4000) < 5 * calls(1000)  # 4 times the rows; quadratic would be 16 times the calls
