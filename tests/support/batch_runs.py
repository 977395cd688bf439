"""Runs batches in tests, and writes and reads their files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from modelpact.batch import Batch, BatchResult
from modelpact.data import CsvData, DataSource, JsonlData, ParquetData
from modelpact.loaders import Adapter, CustomLoader

ROWS = [{"id": f"x{row}", "a": row / 2, "b": 1.5 * row, "n": row} for row in range(500)]
FRAME = pd.DataFrame(ROWS)


def write_rows(suffix: str, rows: Any = ROWS) -> str:
    path = f"in{suffix}"
    if suffix == ".csv":
        pd.DataFrame(rows).to_csv(path, index=False)
    elif suffix == ".parquet":
        pd.DataFrame(rows).to_parquet(path, row_group_size=70)
    else:
        Path(path).write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


def read_rows(path: str | Path) -> list[dict[str, Any]]:
    path = Path(path)
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text().splitlines()]
    frame = pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)
    rows: list[Any] = frame.to_dict("records")
    return rows


def read_rejects(path: str = "out.rejects.jsonl") -> list[dict[str, Any]]:
    return read_rows(path)


KINDS = {".csv": CsvData, ".jsonl": JsonlData, ".parquet": ParquetData}


def run_batch(adapter: Adapter, source: str | DataSource, out: str, **options: Any) -> BatchResult:
    """Score a file, or a data source, with a model."""
    data = KINDS[Path(source).suffix](path=source) if isinstance(source, str) else source
    loader = options.pop("loader", None) or CustomLoader()
    settings = {"workers": 1, **options}
    if settings.get("processes"):
        settings["workers"] = None
    return Batch(
        data=data, adapter=adapter, loader=loader, uri="models:/it/1", out=Path(out), **settings
    ).run()


def write_script(n_rows: int = 40, **changes: Any) -> str:
    """A file for the model that does as it is scripted, in parts of four rows where the batch size is one."""
    frame = pd.DataFrame({"do": ["x"] * n_rows, "n": range(n_rows)}).astype({"n": object})
    for row, value in changes.items():
        frame.loc[int(row.removeprefix("row")), "n" if isinstance(value, int | float) else "do"] = (
            value
        )
    frame.to_csv("in.csv", index=False)
    return "in.csv"


def read_predictions() -> list[float]:
    return pd.read_csv("out.csv")["prediction"].tolist()
