from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from modelpact.errors import FitError
from modelpact.models import SklearnModel

Y = np.arange(4.0)
LETTERS = list("wxyz")
ENCODED = make_column_transformer((OneHotEncoder(), ["s"]), remainder="passthrough")


def table(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"a": [1.0, 2.0, 3.0, 4.0], **columns})


@pytest.mark.parametrize(
    ("estimator", "inputs", "text", "columns"),
    [
        (
            Ridge(),
            table(s=LETTERS),
            "The data has text in s (4 of 4 rows).\nChoose model=table",
            ["s"],
        ),
        (Ridge(), table(s=LETTERS, t=LETTERS), "text in s (4 of 4 rows), t (4", ["s", "t"]),
        (
            make_pipeline(ENCODED, Ridge()),
            table(s=LETTERS, t=list("klmn")),
            "The data has text in t (1 of 4 rows).\nChoose model=table",
            ["t"],
        ),
        (make_pipeline(StandardScaler(), Ridge()), table(s=LETTERS), "text in s (1 of 4", ["s"]),
        (Ridge(), table(b=[1.0, np.nan, np.nan, 2.0]), "missing values in b (2 of 4 rows)", ["b"]),
        (
            make_pipeline(ENCODED, Ridge()),
            table(s=LETTERS, b=pd.array([1, None, 2, 3], dtype="Int64")),
            "missing values in b (1 of 4 rows)",
            ["b"],
        ),
        (Ridge(), table(b=[1.0, np.inf, 2.0, 3.0]), "infinite values in b (1 of 4 rows)", ["b"]),
        (Ridge(), table(d=pd.date_range("2024", periods=4)), "dates in d (4 of 4 rows)", ["d"]),
        (
            make_pipeline(CountVectorizer(token_pattern="."), Ridge()),
            pd.DataFrame({"t": LETTERS}),
            "text in t (4 of 4 rows).\nName its column",
            ["t"],
        ),
        (Ridge(), [{"a": 1.0}] * 4, "Set data.form=frame for a table.", []),
        (
            make_pipeline(SimpleImputer(strategy="median"), Ridge()),
            table(s=LETTERS),
            "text in s (1 of 4 rows)",
            ["s"],
        ),
    ],
)
def test_the_hint_is_true(estimator: Any, inputs: Any, text: str, columns: list[str]) -> None:
    with pytest.raises(FitError, match=re.escape(text)) as caught:
        SklearnModel(estimator=estimator).fit(inputs, Y)
    assert caught.value.columns == columns
    assert str(caught.value.__cause__).strip() in str(caught.value)


def test_targets_of_text_are_named() -> None:
    with pytest.raises(FitError, match=r"text as targets\.\nChoose a classifier"):
        SklearnModel(estimator=Ridge()).fit(table(), np.array(list("abab")))


@pytest.mark.parametrize(
    ("estimator", "inputs", "targets", "text"),
    [
        (Ridge(), table(), np.array([1.0, np.nan, 2.0, 3.0]), "Input y contains NaN"),
        (Ridge(), table().to_numpy(), Y[:3], "inconsistent numbers of samples"),
        (make_pipeline(ENCODED, Ridge()), table(), Y, "Some column names are not columns"),
        (Ridge(), np.array([[1.0], [np.nan], [2.0], [3.0]]), Y, "Input X contains NaN"),
    ],
)
def test_without_a_hint_the_error_is_that_of_the_library(
    estimator: Any, inputs: Any, targets: Any, text: str
) -> None:
    with pytest.raises(ValueError, match=text):
        SklearnModel(estimator=estimator).fit(inputs, targets)
