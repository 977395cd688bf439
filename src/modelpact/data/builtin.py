"""Data sets that scikit-learn bundles."""

from __future__ import annotations

from typing import Any, Literal

from modelpact.data.base import DataSource
from modelpact.types import Sample

__all__ = ["DiabetesData", "DigitsData", "IrisData"]


class DiabetesData(DataSource):
    """Disease progression of 442 patients after one year, from 10 measurements (regression).

    Inputs are a DataFrame `(n_rows, 10)` of standardized doubles. Source: scikit-learn's
    `load_diabetes`, after Efron et al. (2004).
    """

    metrics: list[str] = ["r2", "neg_root_mean_squared_error"]

    def read(self) -> Sample:
        from sklearn.datasets import load_diabetes

        bunch = load_diabetes(as_frame=True)
        return self.hold_out(bunch.data, bunch.target.to_numpy())


class IrisData(DataSource):
    """Species of 150 iris flowers, from 4 measurements in cm (classification, string labels).

    Inputs are a DataFrame `(n_rows, 4)` of doubles. Source: scikit-learn's `load_iris`, after
    Fisher (1936).

    Attributes:
        form: Type of the inputs: a DataFrame (`frame`) or a list of dicts (`records`).
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
    """1,797 grayscale images of handwritten digits (classification, 10 classes).

    Inputs are a float32 tensor `(n_rows, 8, 8)` with values from 0 to 16. Source: scikit-learn's
    `load_digits`, after Alpaydin and Kaynak (1998).
    """

    metrics: list[str] = ["accuracy", "neg_log_loss"]

    def read(self) -> Sample:
        from sklearn.datasets import load_digits

        bunch = load_digits()
        return self.hold_out(bunch.images.astype("float32"), bunch.target)
