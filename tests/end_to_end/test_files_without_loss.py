"""From files with gaps, ids and dates to published models: what each stage gets of them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

from modelpact import publish
from modelpact.data import CsvData, JsonlData
from modelpact.models import SklearnModel
from modelpact.savers import CustomSaver
from modelpact.signers import ExplicitSigner
from modelpact.tracking import SqliteTracking
from modelpact.types import Receipt
from tests.support.publishing import not_none, steps
from tiny_models import Counter

BIG = 2**53 + 1


def input_types(receipt: Receipt) -> str:
    return str(not_none(receipt.signature)["inputs"])


def test_small_integers_with_gaps_suit_scikit_learn_and_mlflow() -> None:
    rows = "".join(f"{row if row % 3 else ''},{row / 2},{row}\n" for row in range(20))
    Path("in.csv").write_text(f"a,b,y\n{rows}")
    model = SklearnModel(estimator=make_pipeline(SimpleImputer(), Ridge()))
    saver = CustomSaver(pip_requirements=["scikit-learn"])
    receipt = publish(**steps(data=CsvData(path="in.csv", target="y"), model=model, saver=saver))
    assert receipt.status == "ok"
    assert '"type": "double", "name": "a", "required": false' in input_types(receipt)


def test_large_integers_with_gaps_are_published_with_all_digits() -> None:
    Path("in.jsonl").write_text(f'{{"i": null}}\n{{"i": {BIG}}}\n')
    for form in ("frame", "records"):
        data = JsonlData(path="in.jsonl", form=form, test_size=0)
        receipt = publish(**steps(data=data, model=Counter(), name=form))
        assert '"type": "long", "name": "i", "required": false' in input_types(receipt)
        with SqliteTracking().open():
            adapter = steps()["loader"].load(not_none(receipt.model_uri))
            assert adapter.predict(data.read().inputs).prediction.tolist() == [0.0, 1.0]


def test_a_null_among_the_held_out_rows_makes_a_column_optional() -> None:
    rows = "".join(f"{row},{row}\n" for row in range(20))
    for gap in range(1, 20):
        Path("in.csv").write_text("a,y\n" + rows.replace(f"\n{gap},", "\n,", 1))
        data = CsvData(path="in.csv", target="y")
        if data.read().inputs["a"].notna().all():
            break
    receipt = publish(**steps(data=data, model=Counter()))
    assert '"name": "a", "required": false' in input_types(receipt)


def test_a_written_contract_decides_how_a_csv_file_is_read() -> None:
    Path("in.csv").write_text("zip,sent,n\n8010,2020-01-02,1\n1000,,2\n")
    signer = ExplicitSigner(inputs={"zip": "string", "sent?": "datetime", "n": "double"})
    sample = CsvData(path="in.csv", test_size=0).with_contract(signer.contract()).read()
    assert sample.inputs["zip"].tolist() == ["8010", "1000"]
    assert sample.inputs["sent"][0] == pd.Timestamp("2020-01-02")
    assert sample.inputs["n"].dtype == "float64"
    data = CsvData(path="in.csv", test_size=0)
    receipt = publish(**steps(data=data, model=Counter(), signer=signer))
    assert receipt.status == "ok"
