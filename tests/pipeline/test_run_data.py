"""The data of a run as inputs in MLflow, in a real store."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pandas as pd
import pytest
from mlflow.data import get_source
from mlflow.entities import DatasetInput
from mlflow.exceptions import MlflowException

from modelpact.data import CsvData, DataSource
from modelpact.data.sample_digest import digest_parts
from modelpact.errors import StoreError
from modelpact.pipeline.run_data import describe_data, log_data
from modelpact.tracking import SqliteTracking
from modelpact.types import Sample
from tests.support.publishing import not_none


class Given(DataSource):
    inputs: Any
    where: str | None = None
    test_size: float = 0.25

    @property
    def location(self) -> str | None:
        return self.where

    def read(self) -> Sample:
        return self.hold_out(self.inputs, np.arange(8.0))


def logged(data: DataSource) -> list[DatasetInput]:
    """Return the inputs of a run."""
    sample = data.read()
    with SqliteTracking().open() as store:
        run_id = store.client.create_run(store.experiment_id).info.run_id
        inputs = describe_data(data.name, data, sample, digest_parts(sample))
        log_data(store.client, run_id, inputs)
        return list(not_none(store.client.get_run(run_id).inputs).dataset_inputs)


@pytest.mark.parametrize(
    ("inputs", "schema"),
    [
        (pd.DataFrame({"a": np.arange(8.0)}), ("mlflow_colspec", "double")),
        (np.zeros((8, 2)), ("mlflow_tensorspec", "float64")),
        ({"x": np.zeros((8, 2)), "y": np.zeros(8)}, ("mlflow_tensorspec", "float64")),
        ([{"a": float(row)} for row in range(8)], ("mlflow_colspec", "double")),
        (["text"] * 8, ("mlflow_colspec", "string")),
    ],
    ids=["frame", "array", "arrays", "records", "list"],
)
def test_the_sample_and_its_holdout_are_inputs(inputs: Any, schema: tuple[str, str]) -> None:
    training, evaluation = logged(Given(inputs=inputs))
    assert [tag.value for tag in training.tags] == ["training"]
    assert [tag.value for tag in evaluation.tags] == ["evaluation"]
    for found, n_rows in ((training.dataset, 6), (evaluation.dataset, 2)):
        assert found.name == "given"
        assert len(found.digest) == 36
        assert json.loads(str(found.profile)) == {"num_rows": n_rows}
        assert list(json.loads(str(found.schema))) == [schema[0]]
        assert schema[1] in str(found.schema)
        assert json.loads(found.source) == {"tags": {"modelpact.data": "Given"}}
        assert get_source(found).to_dict() == json.loads(found.source)
    assert training.dataset.digest != evaluation.dataset.digest


def test_without_a_holdout_there_is_one_input() -> None:
    (only,) = logged(Given(inputs=np.zeros((8, 2)), test_size=0.0))
    assert [tag.value for tag in only.tags] == ["training"]


def test_equal_data_has_equal_digests() -> None:
    first, second = (logged(Given(inputs=np.zeros((8, 2)))) for _ in range(2))
    assert [one.dataset.digest for one in first] == [one.dataset.digest for one in second]


def test_inputs_without_a_schema_are_logged() -> None:
    training, _ = logged(Given(inputs=[{}] * 8))
    assert training.dataset.schema is None


@pytest.mark.parametrize(
    ("location", "source"),
    [
        ("data/houses.csv", ("local", {"uri": "data/houses.csv"})),
        ("{cwd}/data/houses.csv", ("local", {"uri": "data/houses.csv"})),
        ("/home/ann/houses.csv", ("local", {"uri": "houses.csv"})),
        ("../houses.csv", ("local", {"uri": "../houses.csv"})),
        ("https://example.org/a.csv", ("http", {"url": "https://example.org/a.csv"})),
        ("https://ann:pw12@example.org/a.csv", ("http", {"url": "https://[redacted]"})),
        ("s3://bucket/a.csv", ("s3", {"uri": "s3://bucket/a.csv"})),
    ],
)
def test_the_source_names_no_folder_of_the_author_and_no_secret(
    location: str, source: tuple[str, dict[str, str]]
) -> None:
    where = location.format(cwd=Path.cwd())
    training, _ = logged(Given(inputs=np.zeros((8, 2)), where=where))
    assert (training.dataset.source_type, json.loads(training.dataset.source)) == source


def test_the_source_of_a_file_is_its_path() -> None:
    Path("houses.csv").write_text("area,price\n1,2\n3,4\n")
    training, _ = logged(CsvData(path="houses.csv", target="price", test_size=0.5))
    assert training.dataset.name == "houses"
    assert get_source(training.dataset).to_dict() == {"uri": "houses.csv"}


def test_a_rejected_input_is_a_store_error() -> None:
    client = Mock()
    client.log_inputs.side_effect = MlflowException("digest too long")
    with pytest.raises(StoreError, match="cannot log the data of the run: digest too long"):
        log_data(client, "run", [])


def test_data_that_another_run_logs_meanwhile_is_logged() -> None:
    client = Mock()
    client.log_inputs.side_effect = [MlflowException("UNIQUE constraint failed: datasets"), None]
    log_data(client, "run", [])
    assert client.log_inputs.call_count == 2
