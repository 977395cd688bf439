"""The data sets that scikit-learn ships, under names a model can be called with."""

from __future__ import annotations

from typing import Any, Literal

from modelpact.data.base import DataSource
from modelpact.types import Sample

__all__ = ["DiabetesData", "DigitsData", "IrisData"]


class DiabetesData(DataSource):
    """442 patients, 10 standardised measurements each, and the progression of their disease after a year (regression).

    Inputs are a DataFrame `(n_rows, 10)` of doubles. Source: scikit-learn's `load_diabetes`, after Efron et al. (2004).
    """

    metrics: list[str] = ["r2", "neg_root_mean_squared_error"]

    def read(self) -> Sample:
        from sklearn.datasets import load_diabetes

        bunch = load_diabetes(as_frame=True)
        return self.hold_out(bunch.data, bunch.target.to_numpy())


class IrisData(DataSource):
    """150 flowers, 4 measurements in cm each, and the name of their species (classification with string labels).

    Inputs are a DataFrame `(n_rows, 4)` of doubles, or with `form="records"` a list of dicts. Source: scikit-learn's `load_iris`,
    after Fisher (1936).
    """

    metrics: list[str] = ["accuracy", "f1_macro"]
    form: Literal["frame", "records"] = "frame"

    def read(self) -> Sample:
        from sklearn.datasets import load_iris

        bunch = load_iris(as_frame=True)
        frame = bunch.data.set_axis(
            ["sepal_length", "sepal_width", "petal_length", "petal_width"], axis=1
        )
        inputs: Any = frame.to_dict("records") if self.form == "records" else frame
        return self.hold_out(inputs, bunch.target_names[bunch.target.to_numpy()])


class DigitsData(DataSource):
    """1,797 grey images of handwritten digits, float32 `(n_rows, 8, 8)` from 0 to 16, and the digit (10 classes).

    Source: scikit-learn's `load_digits`, after Alpaydin and Kaynak (1998).
    """

    metrics: list[str] = ["accuracy", "neg_log_loss"]

    def read(self) -> Sample:
        from sklearn.datasets import load_digits

        bunch = load_digits()
        return self.hold_out(bunch.images.astype("float32"), bunch.target)
