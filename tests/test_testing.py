"""The conformance checks pass for the steps of modelpact, and name what is wrong with another."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import PrivateAttr
from sklearn.linear_model import LinearRegression

from modelpact import testing
from modelpact.data import DataSource, IrisData
from modelpact.loaders import BuiltinLoader, CustomLoader, Loader
from modelpact.models import Model, SklearnModel
from modelpact.registers import MlflowRegister, NoneRegister, Register
from modelpact.savers import BuiltinSaver, CustomSaver, Saver
from modelpact.signature import infer
from modelpact.signers import ExampleSigner, InferSigner, Signer
from modelpact.tracking import SqliteTracking, Tracking
from modelpact.types import Check, Sample
from modelpact.verifiers import NoneVerifier, ReplayVerifier, Verifier
from tiny_models import Doubler

FRAME = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [0.5, 1.5, 2.5]})


@pytest.mark.parametrize(
    "check",
    [
        lambda: testing.check_signer(InferSigner()),
        lambda: testing.check_signer(ExampleSigner(), FRAME, np.zeros(3), model=Doubler()),
        lambda: testing.check_saver(CustomSaver(pip_requirements=["scikit-learn"])),
        lambda: testing.check_saver(BuiltinSaver(pip_requirements=["scikit-learn"])),
        lambda: testing.check_loader(CustomLoader()),
        lambda: testing.check_loader(BuiltinLoader()),
        lambda: testing.check_verifier(ReplayVerifier()),
        lambda: testing.check_verifier(NoneVerifier()),
        lambda: testing.check_register(MlflowRegister()),
        lambda: testing.check_register(NoneRegister()),
        lambda: testing.check_data_source(IrisData()),
        lambda: testing.check_model(Doubler(), FRAME),
        lambda: testing.check_model(
            SklearnModel(estimator=LinearRegression()), FRAME, np.arange(3.0)
        ),
        lambda: testing.check_tracking(SqliteTracking()),
    ],
)
def test_steps_of_modelpact_conform(check: Callable[[], None]) -> None:
    check()


class Wrong(Signer):
    def sign(self, inputs: Any, outputs: Any, *, params: Any = None, model: Any = None) -> Any:
        return infer(pd.DataFrame({"other": ["text"]}))


class Changing(Signer):
    def sign(self, inputs: Any, outputs: Any, *, params: Any = None, model: Any = None) -> Any:
        signature = infer(inputs, outputs)
        inputs["a"] = 0.0
        return signature


class Raising(Signer):
    def sign(self, inputs: Any, outputs: Any, *, params: Any = None, model: Any = None) -> Any:
        return inputs.missing


class Empty(Saver):
    def write(self, model: Model, folder: Path, *, form: Any, **options: Any) -> None:
        folder.mkdir()


class Halving(Saver):
    """Saves a model with other coefficients."""

    def write(self, model: Model, folder: Path, *, form: Any, **options: Any) -> None:
        import mlflow.sklearn

        native = model.native_model()
        native.coef_ = native.coef_ / 2
        mlflow.sklearn.save_model(native, path=str(folder), **options)


class Returning(Loader):
    def load(self, uri: str) -> Any:
        return self.load_adapter(uri).pyfunc


class Lenient(Loader):
    def load(self, uri: str) -> Any:
        try:
            return self.load_adapter(uri)
        except Exception:
            return None


class Texts(Verifier):
    def checks(self, adapter: Any, sample: Any, signature: Any) -> Iterator[Any]:
        yield "fine"


class Refusing(Verifier):
    def checks(self, adapter: Any, sample: Any, signature: Any) -> Iterator[Check]:
        yield Check(code="NEVER", ok=False, detail="no model is good enough")


class Numbering(Register):
    def register(self, name: str, model_uri: str, *, tags: Any = None) -> Any:
        return 1


class Drifting(DataSource):
    def read(self) -> Sample:
        return Sample(np.random.default_rng().random((4, 2)))


class Uneven(DataSource):
    def read(self) -> Sample:
        return Sample(np.zeros((4, 2)), np.zeros(3))


class Amnesiac(Model):
    _mean: float = PrivateAttr(default=0.0)

    def fit(self, inputs: Any, targets: Any) -> None:
        self._mean = float(np.mean(targets))

    def predict(self, inputs: Any, params: Any = None) -> Any:
        return np.full(len(inputs), self._mean)


class Single(Model):
    def predict(self, inputs: Any, params: Any = None) -> Any:
        return [1.0]


class Closed(Tracking):
    uri: str | None = "sqlite:///closed.db"

    def prepare(self) -> None:
        raise OSError("no space left")


class Unstable(Model):
    _counter: Any = PrivateAttr(default_factory=itertools.count)

    def identity(self) -> dict[str, Any]:
        return {"n": str(self._counter)} | {"id": id(self)}

    def predict(self, inputs: Any, params: Any = None) -> Any:
        return np.zeros(len(inputs))


@pytest.mark.parametrize(
    ("check", "message"),
    [
        (lambda: testing.check_signer(Wrong()), "Wrong.sign returned a signature that rejects its own data"),
        (lambda: testing.check_signer(Changing()), "Changing.sign changed the data"),
        (lambda: testing.check_signer(Raising()), "Raising.sign raised AttributeError"),
        (lambda: testing.check_signer(Doubler()), "Doubler must subclass Signer"),  # type: ignore[arg-type]
        (lambda: testing.check_saver(Empty()), "Empty.save raised"),
        (lambda: testing.check_saver(Halving(pip_requirements=[])), "Halving.write gives a model with other predictions"),
        (lambda: testing.check_loader(Returning()), "Returning.load must return an Adapter, not a PyFuncModel"),
        (lambda: testing.check_loader(Lenient()), "Lenient.load did not raise a LoadError"),
        (lambda: testing.check_verifier(Texts()), "Texts.checks must yield a Check, not a str"),
        (lambda: testing.check_verifier(Refusing()), "Refusing.checks rejected a correct model"),
        (lambda: testing.check_register(Numbering()), "Numbering.register must return a ModelVersion, not an int"),
        (lambda: testing.check_data_source(Drifting()), "Drifting.read returned other data the second time"),
        (lambda: testing.check_data_source(Uneven()), "Uneven.read returned 4 rows and 3 targets"),
        (lambda: testing.check_model(Amnesiac(), FRAME, np.arange(3.0)), "Amnesiac.load gives a model with other predictions"),
        (lambda: testing.check_model(Single(), FRAME), "Single.predict returned 1 predictions for 3 rows"),
        (lambda: testing.check_model(Unstable(), FRAME), "Unstable.identity differs in a copy"),
        (lambda: testing.check_tracking(Closed()), "Closed.prepare raised OSError: no space left"),
    ],
)  # fmt: skip
def test_a_wrong_step_is_named(check: Callable[[], None], message: str) -> None:
    with pytest.raises(AssertionError, match=re.escape(message)):
        check()


def test_examples_of_steps_have_at_most_12_lines() -> None:
    page = (Path(__file__).parents[1] / "docs" / "extending.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python[^\n]*\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    classes = [block for block in blocks if ">>>" not in block]
    assert len(classes) == 8
    assert max(len(re.findall(r"\S.*\n", block)) for block in classes) <= 12
