"""The notebooks of examples/notebooks run in order, in an empty folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.notebooks import RAISES, read_code_cells, run_cell

FOLDER = Path(__file__).parents[2] / "examples" / "notebooks"
NOTEBOOKS = {path.stem: path for path in FOLDER.glob("*.ipynb")}


def _run(name: str) -> tuple[list[str], list[str], dict[str, Any]]:
    """Run a notebook. Return its expected errors, its values, and its names."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    ran = [(cell, run_cell(cell, namespace)) for cell in read_code_cells(NOTEBOOKS[name])]
    for cell, found in ran:
        assert ("error" in found) == (RAISES in cell["metadata"].get("tags", [])), cell["source"]
    errors = [found["error"] for _, found in ran if "error" in found]
    return errors, [found["value"] for _, found in ran if "value" in found], namespace


@pytest.mark.slow
def test_log_model() -> None:
    errors, values, _ = _run("log_model")
    price, wrong_price, signature, same_price, native_price, version = values
    assert price == same_price == native_price != wrong_price
    assert "'district': long (required)" in signature
    assert version == "1"
    wanted = ["Input X contains NaN", "district: expected long", "row 0, rooms: expected long"]
    assert all(text in error for text, error in zip(wanted, errors[:3], strict=True))
    assert "INPUT_REQUIRED_ADDED" in errors[3]


@pytest.mark.slow
def test_contract() -> None:
    errors, _, names = _run("contract")
    assert [error.partition(":")[0] for error in errors] == ["SpecError", "CompatibilityError"]
    assert names["receipt"].version == "3"


@pytest.mark.parametrize("path", NOTEBOOKS.values(), ids=list(NOTEBOOKS))
def test_cells_are_short_and_without_output(path: Path) -> None:
    for cell in read_code_cells(path):
        assert len(cell["source"]) <= 12
        assert cell["outputs"] == []
        assert cell["execution_count"] is None
    assert set(json.loads(path.read_text(encoding="utf-8"))["metadata"]) == {
        "kernelspec",
        "language_info",
    }
