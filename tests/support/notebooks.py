"""Runs the code cells of a notebook in this process."""

from __future__ import annotations

import ast
import contextlib
import io
import json
from pathlib import Path
from typing import Any

RAISES = "raises-exception"


def read_code_cells(notebook: Path) -> list[dict[str, Any]]:
    """Return the code cells of a notebook, in order."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


def run_cell(cell: dict[str, Any], namespace: dict[str, Any]) -> dict[str, str]:
    """Run a cell. Return its printed output, the value of its last expression, and its expected error."""
    found: dict[str, str] = {}
    body = ast.parse("".join(cell["source"])).body
    last = body.pop() if isinstance(body[-1], ast.Expr) else None
    with (
        contextlib.redirect_stdout(io.StringIO()) as stdout,
        contextlib.redirect_stderr(io.StringIO()) as stderr,
    ):
        try:
            exec(compile(ast.Module(body, []), cell["id"], "exec", dont_inherit=True), namespace)
            if isinstance(last, ast.Expr):
                value = eval(
                    compile(ast.Expression(last.value), cell["id"], "eval", dont_inherit=True),
                    namespace,
                )
                found |= (
                    {} if value is None else {"value": "\n".join(repr(value).splitlines())}
                )  # as IPython writes it
        except Exception as error:
            if RAISES not in cell["metadata"].get("tags", []):
                raise
            found["error"] = f"{type(error).__name__}: {error}"
    printed = {"stdout": stdout.getvalue(), "stderr": stderr.getvalue()}
    return found | {name: text for name, text in printed.items() if text}
