"""The examples and tables of the pages on inference and enforcement."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

from tests.support.mlflow_differences import GAPS, RESULT_DIFFERENCES

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("page", ["inference.md", "enforcement.md"])
def test_examples_print_their_output(page: str) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    assert blocks
    test = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, page, page, 0)
    assert doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(test).failed == 0


@pytest.mark.parametrize("line", [*(gap.name for gap in GAPS), *RESULT_DIFFERENCES])
def test_every_gap_and_difference_is_documented(line: str) -> None:
    assert f"| {line} |" in (DOCS / "enforcement.md").read_text(encoding="utf-8").replace(
        "\\*", "*"
    )
