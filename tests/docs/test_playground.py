"""The cells of the playground notebook run in order and print their stored output."""

from __future__ import annotations

import json
import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.notebooks import RAISES, read_code_cells, run_cell

NOTEBOOK = Path(__file__).parents[2] / "examples" / "signature_playground.ipynb"
CONTENT = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
CODE = read_code_cells(NOTEBOOK)


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of the notebook; the logging of MLflow is restored."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    logger = logging.getLogger("mlflow")
    level = logger.level
    yield folder
    logger.setLevel(level)


def stored(cell: dict[str, Any]) -> dict[str, str]:
    """Return the stored output of a cell."""
    found: dict[str, str] = {}
    for output in cell["outputs"]:
        if output["output_type"] == "stream":
            found[output["name"]] = found.get(output["name"], "") + "".join(output["text"])
        elif output["output_type"] == "execute_result":
            assert list(output["data"]) == ["text/plain"]
            found["value"] = "".join(output["data"]["text/plain"])
        else:
            found["error"] = f"{output['ename']}: {output['evalue']}"
    return found


@pytest.mark.filterwarnings(
    "default"
)  # MLflow swallows a warning that is an error, and infers another type
@pytest.mark.slow
def test_every_cell_prints_its_stored_output(tmp_path: Path, temporary: Path) -> None:
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for cell in CODE:
        assert run_cell(cell, namespace) == stored(cell), "".join(cell["source"])
    assert [path.parent.parent for path in temporary.glob("*/mlflow.db")] == [temporary], (
        "the store lies in a folder of its own"
    )
    assert list(tmp_path.iterdir()) == [temporary], "nothing is left where the notebook was opened"


def test_cells_were_executed_once_and_in_order() -> None:
    assert [cell["execution_count"] for cell in CODE] == list(range(1, len(CODE) + 1))
    assert all(cell["outputs"] for cell in CODE[1:])
    assert not any("stderr" in stored(cell) for cell in CODE)
    assert [RAISES in cell["metadata"].get("tags", []) for cell in CODE] == [
        "error" in stored(cell) for cell in CODE
    ]


def test_the_notebook_contains_no_local_data() -> None:
    assert {tuple(cell["metadata"]) for cell in CONTENT["cells"]} == {(), ("tags",)}
    assert CONTENT["metadata"] == {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    tracebacks = [
        output["traceback"] for cell in CODE for output in cell["outputs"] if "traceback" in output
    ]
    assert all(len(lines) == 1 for lines in tracebacks)
    assert not [
        text
        for text in ("/tmp", "/home", "/root", "/Users", "site-packages")
        if text in NOTEBOOK.read_text("utf-8")
    ]


def test_each_case_has_a_short_text_and_a_cell() -> None:
    assert [cell["cell_type"] for cell in CONTENT["cells"]] == ["markdown", "code"] * len(CODE)
