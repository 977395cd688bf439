"""The data of a run in MLflow: one logged input for the sample, and one for its hold-out set."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

from modelpact import signature
from modelpact._internal.text import truncate
from modelpact.datatypes import count_rows, take_rows
from modelpact.errors import SignError, StoreError
from modelpact.security.leak_scan import redact, redact_json
from modelpact.security.url_credentials import redact_urls

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import DatasetInput

    from modelpact.data import DataSource
    from modelpact.data.sample_digest import Digests
    from modelpact.types import Inputs, Sample

__all__ = ["describe_data", "log_data"]

MAX_NAME_LENGTH, MAX_DIGEST_LENGTH, MAX_SCHEMA_LENGTH = 500, 36, 1_048_575
"""MLflow's limits."""

SCHEMA_ROWS = 100
"""How many rows the schema is inferred from."""


def describe_data(
    name: str, data: DataSource, sample: Sample, digests: Digests
) -> list[DatasetInput]:
    """Return a sample and its hold-out set as inputs of a run; nothing is copied."""
    inputs = [_describe(name, data, sample, digests[0], "training")]
    if sample.holdout is not None and digests[1] is not None:
        inputs.append(_describe(name, data, sample.holdout, digests[1], "evaluation"))
    return inputs


def log_data(client: MlflowClient, run_id: str, inputs: list[DatasetInput]) -> None:
    """Log the inputs of a run.

    Raises:
        StoreError: MLflow rejected them.
    """
    from mlflow.exceptions import MlflowException

    try:
        try:
            client.log_inputs(run_id, inputs)
        except MlflowException as error:
            if not re.search("unique|duplicate", error.message, re.IGNORECASE):
                raise
            # Another run logged the same data between MLflow's query and its insert.
            client.log_inputs(run_id, inputs)
    except MlflowException as error:
        raise StoreError(
            f"MLflow cannot log the data of the run: {truncate(error.message, 300)}",
            remedy="Check the tracking server.",
        ) from error


def _describe(
    name: str, data: DataSource, sample: Sample, digest: str, context: str
) -> DatasetInput:
    from mlflow.entities import Dataset, DatasetInput, InputTag
    from mlflow.utils.mlflow_tags import MLFLOW_DATASET_CONTEXT

    source_type, source = _source(data)
    dataset = Dataset(
        name=redact(name)[:MAX_NAME_LENGTH],
        digest=digest[:MAX_DIGEST_LENGTH],
        source_type=source_type,
        source=json.dumps(source),
        schema=_schema(sample.inputs),
        profile=json.dumps({"num_rows": count_rows(sample.inputs)}),
    )
    return DatasetInput(dataset, [InputTag(MLFLOW_DATASET_CONTEXT, context)])


def _source(data: DataSource) -> tuple[str, dict[str, object]]:
    """Return MLflow's type of the source, and the source: a file, or the class that reads it."""
    if data.location is None:
        return "code", {"tags": {"modelpact.data": data.KIND}}
    scheme, mark, _ = data.location.partition("://")
    if mark:
        url = redact(redact_urls(data.location))
        return ("http", {"url": url}) if scheme in {"http", "https"} else (scheme, {"uri": url})
    path = Path(data.location)
    if path.is_absolute():
        # Folders of this machine are neither of use to others nor their business.
        inside = path.is_relative_to(Path.cwd())
        path = path.relative_to(Path.cwd()) if inside else Path(path.name)
    return "local", {"uri": redact(str(path))}


def _schema(inputs: Inputs) -> str | None:
    """Return the schema of the first rows as MLflow's JSON; None if it is unknown or too long."""
    rows = range(min(SCHEMA_ROWS, count_rows(inputs)))
    try:
        schema = signature.infer(take_rows(inputs, rows), on_any="allow").inputs
    except SignError:
        return None
    if schema is None:
        return None
    columns: dict[str, object] = {"mlflow_colspec": schema.to_dict()}
    if schema.is_tensor_spec():
        columns = {"mlflow_tensorspec": {"features": schema.to_json(), "targets": None}}
    text = redact_json(json.dumps(columns))
    return text if len(text) <= MAX_SCHEMA_LENGTH else None
