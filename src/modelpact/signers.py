"""Signers produce the model signature: one class per strategy, with a file in `conf/signer`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from modelpact import signature
from modelpact._internal.guards import convert_errors
from modelpact.datatypes import count_rows, take_rows
from modelpact.errors import CompatibilityError, InputsError, OutputsError, SignError
from modelpact.models import Model
from modelpact.models.row_objects import call_predict, read_row_hint
from modelpact.types import Inputs, Params, Step

if TYPE_CHECKING:
    from mlflow.types.schema import Schema

    from modelpact.types import Signature

__all__ = ["ExampleSigner", "ExplicitSigner", "InferSigner", "Signer", "TypeHintSigner"]


_REMEDY = "Correct the written signature, or the data."


class Signer(Step, ABC):
    """Produces a signature that its own data satisfies, or raises `SignError`."""

    @abstractmethod
    def sign(
        self, inputs: Inputs, outputs: Any, *, params: Params | None = None, model: Any = None
    ) -> Signature:
        """Return the signature of a model.

        Args:
            inputs: Model inputs; the first axis is rows.
            outputs: The prediction for `inputs`; None to leave the outputs unsigned.
            params: Example inference parameters.
            model: The model. Signers that inspect or run it require it.

        Raises:
            SignError: No signature fits the data.
            SpecError: A written signature is malformed.
        """

    def contract(self) -> Signature | None:
        """Return the signature that is known before there is data; None if it depends on data.

        Raises:
            SpecError: A written signature is malformed.
        """
        return None

    def check(self, inputs: Inputs, params: Params | None) -> None:
        """Check data before a model is fitted to it, as far as the signature is known by then.

        Raises:
            SignError: The data violates the signature.
        """
        contract = self.contract()
        if contract is not None:
            _check_data(contract, inputs, None, params, _REMEDY)


class InferSigner(Signer):
    """Infers the signature as MLflow does, but raises where MLflow would infer no useful type.

    A stored model keeps its signature; outputs are added if it has none.

    Attributes:
        on_any: What to do with data for which only the type `any` fits: raise, warn, or allow it.
        integers_as: Type of integers: as they are (`auto`), `long`, or `double`, which allows
            missing values later.
        self_check: Whether to check that the data satisfies the inferred signature.
    """

    on_any: Literal["error", "warn", "allow"] = "error"
    integers_as: Literal["auto", "long", "double"] = "auto"
    self_check: bool = True

    def sign(
        self, inputs: Inputs, outputs: Any, *, params: Params | None = None, model: Any = None
    ) -> Signature:
        stored = _stored_signature(model)
        if stored is not None:
            return _keep_stored(stored, inputs, outputs, params)
        inferred: Signature = signature.infer(
            inputs, outputs, params, on_any=self.on_any, integers_as=self.integers_as
        )
        if self.self_check:
            remedy = "Convert the column, or write the signature (signer=explicit)."
            _check_data(inferred, inputs, outputs, params, remedy)
        return inferred


class ExplicitSigner(Signer):
    """Uses a written signature, and checks the data against it.

    Attributes:
        inputs: Columns or tensors, in the short form or as MLflow's dicts.
        outputs: The same for the predictions; None to leave them unsigned.
        params: Inference parameters with their defaults.
    """

    inputs: Any = None
    outputs: Any = None
    params: Any = None

    def sign(
        self, inputs: Inputs, outputs: Any, *, params: Params | None = None, model: Any = None
    ) -> Signature:
        written = self.contract()
        _check_data(written, inputs, outputs, params, _REMEDY)
        stored = _stored_signature(model)
        if stored is not None:
            _check_not_narrower(written, stored)
        return written

    def contract(self) -> Signature:
        spec = {"inputs": self.inputs, "outputs": self.outputs, "params": self.params}
        if all(part is None for part in spec.values()):
            raise SignError(
                "there is no written signature for signer=explicit",
                remedy="Choose one (contract=<name>), or write it: "
                "signer.inputs={age: double} signer.outputs=double.",
            )
        written: Signature = signature.parse(spec)
        return written


class ExampleSigner(Signer):
    """Infers the signature from an input example and the model's prediction for it.

    Attributes:
        n_rows: Number of rows of the data that form the example.
        example: Example to use instead of the first rows of the data: a list of rows, or a dict.
    """

    n_rows: int = Field(default=5, ge=1)
    example: Any = None

    def sign(
        self, inputs: Inputs, outputs: Any, *, params: Params | None = None, model: Any = None
    ) -> Signature:
        _require(model, "signer=example runs the model")
        example = self.example
        if example is None:
            example = take_rows(inputs, range(min(self.n_rows, count_rows(inputs))))
        with convert_errors(_example_error):
            prediction = call_predict(model, example, params)
        inferred: Signature = signature.infer(example, prediction, params)
        remedy = "The example does not represent the data: raise signer.n_rows, or give another."
        _check_data(inferred, inputs, outputs, params, remedy)
        return inferred


class TypeHintSigner(Signer):
    """Takes the signature from the type hints of the model's `predict`.

    The inputs are hinted as `list[...]` of scalars, dicts or Pydantic models. Outputs without a
    hint, and params, are inferred from the data.
    """

    def sign(
        self, inputs: Inputs, outputs: Any, *, params: Params | None = None, model: Any = None
    ) -> Signature:
        from mlflow.models import ModelSignature

        _require(model, "signer=type_hint reads the type hints of the model")
        hinted_inputs, hinted_outputs = _read_hints(type(model))
        unhinted = outputs if hinted_outputs is None else None
        inferred = None
        if params or unhinted is not None:
            inferred = signature.infer(None, unhinted, params)
        if hinted_outputs is None:
            hinted_outputs = getattr(inferred, "outputs", None)
        # MLflow annotates `params` as not optional, although None is the default.
        inferred_params: Any = getattr(inferred, "params", None)
        hinted = ModelSignature(
            inputs=hinted_inputs, outputs=hinted_outputs, params=inferred_params
        )
        remedy = "Correct the type hints, or the data (data.form=records gives dicts)."
        _check_data(hinted, inputs, outputs, params, remedy)
        return hinted


def _read_hints(kind: Any) -> tuple[Schema, Schema | None]:
    """Return the schemas that `predict` is hinted with: of the inputs, and of the outputs."""
    inputs, outputs = signature.from_predict(kind.predict)
    if inputs is None:
        raise SignError(
            f"{kind.__name__}.predict has no type hint for its inputs",
            remedy="Add one: predict(self, inputs: list[Flower], params=None) -> list[str]; "
            "or choose signer=infer.",
        )
    if read_row_hint(kind.predict) is None:
        raise SignError(
            f"Pydantic cannot validate the type hint of {kind.__name__}.predict",
            remedy="Before Python 3.12, import TypedDict from typing_extensions.",
        )
    return inputs, outputs


def _stored_signature(model: Any) -> Signature | None:
    stored: Signature | None = model.stored_signature() if isinstance(model, Model) else None
    return None if stored is None or stored.inputs is None else stored


def _promises(stored: Signature, outputs: Any) -> bool:
    """Return whether a stored signature has outputs, and the predictions satisfy them."""
    try:
        signature.compile(stored).enforce_outputs(outputs)
    except OutputsError:
        return False
    return stored.outputs is not None


def _keep_stored(
    stored: Signature, inputs: Inputs, outputs: Any, params: Params | None
) -> Signature:
    """Return a stored signature, with inferred outputs if its own are missing or wrong."""
    from mlflow.models import ModelSignature

    outputs_schema = stored.outputs
    if outputs is not None and not _promises(stored, outputs):
        outputs_schema = signature.infer(None, outputs).outputs
    kept = ModelSignature(inputs=stored.inputs, outputs=outputs_schema, params=stored.params)
    remedy = "The signature is the one stored with the model: correct the data, or sign the model "
    remedy += "with a wider one (signer=explicit)."
    _check_data(kept, inputs, outputs, params, remedy)
    return kept


def _check_not_narrower(written: Signature, stored: Signature) -> None:
    """Raise SignError if a signature rejects calls that the stored one accepts."""
    try:
        signature.check_compatible(stored, written)
    except CompatibilityError as error:
        raise SignError(
            f"the written signature breaks callers of the stored model: {error.message}",
            remedy="Keep what the stored signature accepts, and the outputs that it promises.",
            signature=written,
        ) from error


def _example_error(error: Exception) -> SignError:
    return SignError(
        f"the model failed on the input example: {type(error).__name__}: {error}",
        remedy="Give an example that the model accepts: signer.example=[...].",
    )


def _require(model: object, reason: str) -> None:
    if model is None:
        raise SignError(
            f"{reason}, but no model was given", remedy="Pass the model: sign(..., model=model)."
        )


def _check_data(
    signed: Signature, inputs: Inputs, outputs: object, params: Params | None, remedy: str
) -> None:
    """Raise SignError if the data does not satisfy its signature."""
    enforcer = signature.compile(signed)
    try:
        enforcer.enforce_inputs(inputs)
        enforcer.enforce_params(params)
        if outputs is not None:
            enforcer.enforce_outputs(outputs)
    except (InputsError, OutputsError) as error:
        raise SignError(
            f"the data violates its signature: {error.message}",
            remedy=remedy,
            failures=error.failures,
            signature=signed,
        ) from error
