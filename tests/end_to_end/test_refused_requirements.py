"""A stored model whose requirements name another index is published again only if that is allowed."""

from __future__ import annotations

import mlflow
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from modelpact.tracking import SqliteTracking
from tests.support.commands import CommandRunner, modelpact
from tests.support.publishing import saved_statuses, versions

__all__ = ["modelpact"]  # the fixture

OPTION = "--extra-index-url"


@pytest.mark.parametrize(
    ("arguments", "place"),
    [
        (("model=mlflow", "model.uri=models:/plain/1"), "artifacts/state/model/requirements.txt"),
        (("task=resign", "task.uri=models:/plain/1"), "requirements.txt"),
    ],
    ids=["publish", "resign"],
)
@pytest.mark.slow
def test_another_index_is_refused_unless_it_is_allowed(
    modelpact: CommandRunner, arguments: tuple[str, ...], place: str
) -> None:
    table = pd.DataFrame({"a": [1.0, 2.0, 4.0, 5.0], "b": [0.0, 1.0, 1.0, 3.0]})
    table.to_csv("rows.csv", index=False)
    with SqliteTracking().open():
        mlflow.sklearn.log_model(
            LinearRegression().fit(table, table["a"]),
            name="model",
            registered_model_name="plain",
            pip_requirements=["scikit-learn", f"{OPTION} https://x/simple"],
            serialization_format="skops",
            signature=mlflow.models.infer_signature(table, table["a"]),
        )
    command = (
        *arguments,
        *("data=csv", "data.path=rows.csv", "data.test_size=0", "saver.pip_requirements=[numpy]"),
        *("signer=infer", "name=again"),
    )
    ended = modelpact(*command)
    assert ended.status == 1
    assert (
        f"error: {place} of the model, line 3: '{OPTION} https://x/simple' has the option {OPTION}, "
        "which is not allowed\n"
    ) in ended.err
    assert "saver.allowed_requirement_options" in ended.err
    assert versions("again") == []
    assert saved_statuses() == ["FAILED", "READY"]
    ended = modelpact(*command, f"saver.allowed_requirement_options=[{OPTION}]")
    assert ended.status == 0, ended.err
    assert versions("again") == [1]
