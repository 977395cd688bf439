"""How tests put files through a model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from modelpact.batch import Batch, BatchResult
from modelpact.data import CsvData, DataSource, JsonlData, ParquetData
from modelpact.loaders import Adapter, CustomLoader

KINDS = {".csv": CsvData, ".jsonl": JsonlData, ".parquet": ParquetData}


def run_batch(adapter: Adapter, source: str | DataSource, out: str, **options: Any) -> BatchResult:
    """Put a file through a model."""
    data = KINDS[Path(source).suffix](path=source) if isinstance(source, str) else source
    loader = options.pop("loader", None) or CustomLoader()
    settings = {"workers": 1, **options}
    if settings.get("processes"):
        settings["workers"] = None
    return Batch(
        data=data, adapter=adapter, loader=loader, uri="models:/it/1", out=Path(out), **settings
    ).run()
