"""Large bodies and bodies without rows: one verdict in every form, at a bounded cost."""

from __future__ import annotations

import io
import json
from typing import Any

import pandas as pd
import pytest

from modelpact.errors import InputsError
from modelpact.loaders import Adapter
from modelpact.serving.request_body import LARGE_BODY
from modelpact.signature import compile as compile_signature
from tests.support.served_models import create_client, post

NAMES = ["a", "b", "n"]
ROW = {"a": 1.0, "b": 3.0, "n": 1}
CSV, PARQUET = "text/csv", "application/vnd.apache.parquet"


def to_parquet(frame: pd.DataFrame) -> bytes:
    file = io.BytesIO()
    frame.to_parquet(file)
    return file.getvalue()


def to_forms(frame: pd.DataFrame) -> dict[str, tuple[str, str | bytes, str]]:
    """Return a table in every form that both routes read: path, body and media type."""
    names, data = list(frame.columns), frame.astype(object).to_numpy().tolist()
    records = [dict(zip(names, row, strict=True)) for row in data]
    columns = {name: frame[name].tolist() for name in names}
    bodies: dict[str, Any] = {
        "dataframe_split": {"columns": names, "data": data},
        "dataframe_split with index": {"columns": names, "index": list(frame.index), "data": data},
        "dataframe_records": records,
        "instances": records,
        "inputs": records,
        "inputs by column": columns,
    }
    forms: dict[str, tuple[str, str | bytes, str]] = {
        form: ("/invocations", json.dumps({form.split(" ")[0]: body}), "application/json")
        for form, body in bodies.items()
    }
    forms["/predict"] = "/predict", json.dumps({"inputs": records}), "application/json"
    forms["CSV"] = "/invocations", frame.to_csv(index=False), CSV
    forms["Parquet"] = "/invocations", to_parquet(frame), PARQUET
    return forms


def collect_statuses(adapter: Adapter, frame: pd.DataFrame) -> dict[str, int]:
    client = create_client(adapter)
    return {
        form: client.post(path, content=body, headers={"content-type": kind}).status_code
        for form, (path, body, kind) in to_forms(frame).items()
    }


class TestOneVerdict:
    def test_tables_without_rows(self, table: Adapter) -> None:
        frame = pd.DataFrame([ROW]).head(0)
        assert set(collect_statuses(table, frame).values()) == {422}
        forms: list[Any] = [frame, [], {name: [] for name in NAMES}]
        for inputs in forms:
            with pytest.raises(InputsError):
                table.predict(inputs)

    def test_the_violation_of_a_header(self, table: Adapter) -> None:
        response = create_client(table).post(
            "/invocations", content="a,b,n\n", headers={"content-type": CSV}
        )
        assert response.json()["failures"] == [
            {"code": "WRONG_SHAPE", "path": "", "row": None, "expected": "at least one row"}
        ]

    @pytest.mark.parametrize(("extra", "status"), [("ignore", 200), ("forbid", 422)])
    def test_many_unknown_columns(
        self, table: Adapter, monkeypatch: pytest.MonkeyPatch, extra: Any, status: int
    ) -> None:
        enforcer = compile_signature(table.signature, extra=extra)
        monkeypatch.setattr(table, "_enforcer", enforcer)
        unknown = {f"x{i}": 1 for i in range(1500)}
        frame = pd.DataFrame([{**unknown, **ROW}])
        assert set(collect_statuses(table, frame).values()) == {status}

    @pytest.mark.parametrize("path", ["/invocations", "/predict"])
    def test_rows_of_many_cells(self, table: Adapter, path: str) -> None:
        assert post(create_client(table), path, {"inputs": [[1] * 5000]}).status_code == 422

    def test_unknown_keys_of_a_split(self, table: Adapter) -> None:
        split = {"columns": NAMES, "data": [list(ROW.values())]}
        for more, status in (({}, 200), ({"index": [0]}, 200), ({"name": "x"}, 422)):
            body = {"dataframe_split": {**split, **more}}
            assert post(create_client(table), "/invocations", body).status_code == status


class TestCosts:
    def test_large_bodies_take_turns(self, table: Adapter, monkeypatch: pytest.MonkeyPatch) -> None:
        locked: list[bool] = []
        predict = Adapter.predict

        def watch(self: Adapter, inputs: Any, params: Any = None, *, check_lock: Any) -> Any:
            locked.append(hasattr(check_lock, "acquire"))
            return predict(self, inputs, params, check_lock=check_lock)

        monkeypatch.setattr(Adapter, "predict", watch)
        client = create_client(table)
        n_rows = LARGE_BODY // len(json.dumps(ROW)) + 1
        for path in ("/predict", "/invocations"):
            for count in (1, n_rows):
                assert post(client, path, {"inputs": [ROW] * count}).status_code == 200
        assert locked == [False, True] * 2

    def test_few_names_are_compared(self, table: Adapter, monkeypatch: pytest.MonkeyPatch) -> None:
        compared: list[int] = []

        def count(word: str, names: list[str], **options: Any) -> list[str]:
            compared.append(len(names))
            return []

        monkeypatch.setattr("modelpact._internal.text.difflib.get_close_matches", count)
        row = {f"x{i}": 1 for i in range(3000)}
        body = {"inputs": [row] * 3, "params": row}
        assert post(create_client(table), "/predict", body).status_code == 422
        assert max(compared) <= 1000
        assert len(compared) <= 50
