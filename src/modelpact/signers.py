"""Where the contract comes from: one class a way, each with a YAML file in `conf/signer`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Literal, cast

from pydantic import Field

from modelpact import signature
from modelpact._internal.text import truncate
from modelpact.datatypes import count_rows, take_rows
from modelpact.errors import InputsError, OutputsError, SignError
from modelpact.types import Inputs, Params, Step

if TYPE_CHECKING:
    from modelpact.types import Signature

__all__ = ["ExampleSigner", "ExplicitSigner", "InferSigner", "Signer", "TypeHintSigner"]


class Signer(Step, ABC):
    """Makes a signature that tells the truth about the data, or raises."""

    @abstractmethod
    def sign(
        self, inputs: Inputs, outputs: Any, *, params: Params | None = None, model: Any = None
    ) -> Signature:
        """Sign a model.

        Args:
            inputs: What it is called with.
            outputs: What it answered to them.
            params: Example inference parameters.
            model: The model itself, for the signers that read or run it.

        Raises:
            SignError: No honest signature can be made.
            SpecError: A written signature is malformed.
        """


class InferSigner(Signer):
    """Infers the signature from the data, as MLflow does, but never falls silent.

    Attributes:
        on_any: What to do about data of which MLflow only knows that it is `any`: refuse it, warn, or sign it so.
        integers_as: Sign integers as they are (`auto`), as `long`, or as `double`, which may meet missing values later.
        self_check: Whether the signature must accept the very data it was inferred from.
    """

    on_any: Literal["error", "warn", "allow"] = "error"
    integers_as: Literal["auto", "long", "double"] = "auto"
    self_check: bool = True

    def sign(
        self, inputs: Inputs, outputs: Any, *, params: Params | None = None, model: Any = None
    ) -> Signature:
        signed: Signature = signature.infer(
            inputs, outputs, params, on_any=self.on_any, integers_as=self.integers_as
        )
        if self.self_check:
            _check(
                signed,
                inputs,
                outputs,
                params,
                "Its own training data must pass: convert the column, or write the signature.",
            )
        return signed


class ExplicitSigner(Signer):
    """Takes a signature that somebody wrote, and checks the data against it.

    Attributes:
        inputs: Columns or tensors, in the short form or in MLflow's own dicts.
        outputs: The same for the answers; None to leave them unsigned.
        params: Inference parameters with their defaults.
    """

    inputs: Any = None
    outputs: Any = None
    params: Any = None

    def sign(
        self, inputs: Inputs, outputs: Any, *, params: Params | None = None, model: Any = None
    ) -> Signature:
        if self.inputs is None and self.outputs is None and self.params is None:
            raise SignError(
                "there is no written signature for this data",
                remedy="Choose one (contract=<name>), or write signer.inputs={age: double} and signer.outputs=double.",
            )
        written: Signature = signature.parse(
            {"inputs": self.inputs, "outputs": self.outputs, "params": self.params}
        )
        _check(written, inputs, outputs, params, "Correct the written signature, or the data.")
        return written


class ExampleSigner(Signer):
    """Signs from an input example, by running the model on it.

    Attributes:
        n_rows: How many rows of the data are the example.
        example: An example to use instead of the data's first rows: a list of rows, or a dict.
    """

    n_rows: int = Field(default=5, ge=1)
    example: Any = None

    def sign(
        self, inputs: Inputs, outputs: Any, *, params: Params | None = None, model: Any = None
    ) -> Signature:
        if model is None:
            raise SignError(
                "signer=example runs the model, and there is none",
                remedy="Pass the model: sign(..., model=model).",
            )
        example = (
            self.example
            if self.example is not None
            else take_rows(inputs, range(min(self.n_rows, count_rows(inputs))))
        )
        try:
            answer = model.predict(example, params)
        except Exception as error:
            raise SignError(
                f"the model failed on the input example: {type(error).__name__}: {truncate(error, 300)}",
                remedy="Give an example that the model takes: signer.example=[...].",
            ) from error
        signed: Signature = signature.infer(example, answer, params)
        _check(
            signed,
            inputs,
            outputs,
            params,
            "The example does not stand for the data: raise signer.n_rows, or give a better one.",
        )
        return signed


class TypeHintSigner(Signer):
    """Reads the type hints of the model's `predict`: `list[...]` of scalars, dicts or Pydantic models."""

    def sign(
        self, inputs: Inputs, outputs: Any, *, params: Params | None = None, model: Any = None
    ) -> Signature:
        from mlflow.models import ModelSignature

        if model is None:
            raise SignError(
                "signer=type_hint reads the model's predict, and there is none",
                remedy="Pass the model.",
            )
        hinted_inputs, hinted_outputs = signature.from_predict(type(model).predict)
        if hinted_inputs is None:
            raise SignError(
                f"{type(model).__name__}.predict has no type hint that names its inputs",
                remedy="Write one: predict(self, inputs: list[Flower], params=None) -> list[str]; or choose signer=infer.",
            )
        unhinted = outputs if hinted_outputs is None else None
        inferred = (
            signature.infer(None, unhinted, params) if params or unhinted is not None else None
        )
        hinted = ModelSignature(
            inputs=hinted_inputs,
            outputs=hinted_outputs
            if hinted_outputs is not None
            else getattr(inferred, "outputs", None),
            params=cast(
                "Any", getattr(inferred, "params", None)
            ),  # MLflow's own hint forgets that it may be None
        )
        _check(
            hinted,
            inputs,
            outputs,
            params,
            "Hint and data must agree: correct one of them (data.form=records gives dicts).",
        )
        return hinted


def _check(
    signed: Signature, inputs: Inputs, outputs: Any, params: Params | None, remedy: str
) -> None:
    """Refuse a signature that its own data breaks."""
    enforcer = signature.compile(signed)
    try:
        enforcer.enforce_inputs(inputs)
        enforcer.enforce_params(params)
        if outputs is not None:
            enforcer.enforce_outputs(outputs)
    except (InputsError, OutputsError) as error:
        raise SignError(
            f"the signature refuses the data it is for: {error.message}",
            remedy=remedy,
            failures=error.failures,
            signature=signed,
        ) from error
