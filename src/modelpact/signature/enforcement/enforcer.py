"""`compile` a signature once, then check every call's inputs, params and outputs against it."""

from __future__ import annotations

from typing import Any, Literal

from mlflow.models import ModelSignature
from mlflow.types.schema import Schema

from modelpact.errors import InputsError, OutputsError
from modelpact.signature.enforcement import mlflow_policy
from modelpact.signature.enforcement.frames import Columns
from modelpact.signature.enforcement.params import Params
from modelpact.signature.enforcement.payloads import check_columns
from modelpact.signature.enforcement.tensor_inputs import Tensors
from modelpact.signature.enforcement.violations import KEPT, Failures

__all__ = ["Enforcer", "Extra", "Policy", "compile", "enforce"]

Policy = Literal["mlflow", "lossless", "strict"]
Extra = Literal["ignore", "warn", "forbid"]


class Enforcer:
    """A signature turned into checks. It holds no state between calls and may be used from several threads.

    Attributes:
        signature: The signature it was compiled from.
        policy: `mlflow`, `lossless` or `strict`.
        extra: What happens to columns that the signature does not know.
    """

    def __init__(self, signature: ModelSignature, policy: Policy, extra: Extra) -> None:
        self.signature = signature
        self.policy = policy
        self.extra = extra
        strict = policy == "strict"
        self._inputs = _side(signature.inputs, strict, extra)
        self._outputs = _side(signature.outputs, strict, extra)
        self._params = Params(signature.params, strict=strict)

    def inputs(self, data: Any) -> Any:
        """The inputs as the model is to get them.

        Args:
            data: DataFrame `(n_rows, n_columns)`, Series, ndarray, sparse matrix, dict of arrays, list, dict, scalar, or a table
                of polars or pyarrow. It is never changed.

        Returns:
            For columns a DataFrame, for tensors arrays; `data` itself where it conforms as it is or the signature has no inputs.

        Raises:
            InputsError: The data breaks the signature; `failures` lists where.
        """
        failures = Failures()
        checked = self._check(data, self.signature.inputs, self._inputs, failures)
        failures.raise_if_any(InputsError, "inputs")
        return checked

    def params(self, params: dict[str, Any] | None) -> dict[str, Any] | None:
        """The params as the model is to get them: plain Python values, defaults filled in.

        Raises:
            InputsError: A param is unknown, or its value is not of its type; `failures` lists them.
        """
        failures = Failures()
        checked = self._check_params(params, failures)
        failures.raise_if_any(InputsError, "params")
        return checked

    def call(
        self, data: Any, params: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any] | None]:
        """Inputs and params together, as the model is to get them.

        Raises:
            InputsError: The one or the other breaks the signature; `failures` lists where, in both.
        """
        failures = Failures()
        checked = self._check(data, self.signature.inputs, self._inputs, failures)
        in_inputs = failures.total
        settings = self._check_params(params, failures)
        in_params = failures.total - in_inputs
        failures.raise_if_any(
            InputsError,
            "inputs and params" if in_inputs and in_params else "inputs" if in_inputs else "params",
        )
        return checked, settings

    def outputs(self, data: Any) -> Any:
        """The model's answer, checked; it is returned as the model gave it.

        Raises:
            OutputsError: The answer breaks the signature; `failures` lists where.
        """
        failures = Failures()
        self._check(data, self.signature.outputs, self._outputs, failures)
        failures.raise_if_any(OutputsError, "outputs")
        return data

    def find(self, data: Any, params: dict[str, Any] | None = None, most: int = KEPT) -> Failures:
        """Every place where inputs and params break the signature, without raising.

        Args:
            data: As for `inputs`.
            params: As for `params`; None for a call without any.
            most: So many failures are kept in full, those of the inputs first; the rest are counted.

        Example:
            >>> from mlflow.types.schema import ColSpec
            >>> compile(ModelSignature(Schema([ColSpec("long", "n")]))).find([{"n": 1}, {"n": "x"}, {}]).total
            2
        """
        failures = Failures(most)
        self._check(data, self.signature.inputs, self._inputs, failures)
        self._check_params(params, failures)
        return failures

    def _check_params(
        self, params: dict[str, Any] | None, failures: Failures
    ) -> dict[str, Any] | None:
        checked: dict[str, Any] | None
        if self.policy == "mlflow":
            checked = mlflow_policy.check_params(params, self.signature.params, failures)
        else:
            checked = self._params.check(params, failures)
        return checked

    def _check(
        self, data: Any, schema: Schema | None, side: Columns | Tensors | None, failures: Failures
    ) -> Any:
        if side is None or schema is None:
            return data
        if self.policy == "mlflow":
            checked = mlflow_policy.check_data(data, schema, failures)
            if failures:
                _native(data, side, failures)  # says where; MLflow often does not
            return checked
        return _native(data, side, failures)


def _native(data: Any, side: Columns | Tensors, failures: Failures) -> Any:
    return (
        check_columns(data, side, failures)
        if isinstance(side, Columns)
        else side.check(data, failures)
    )


def _side(schema: Schema | None, strict: bool, extra: Extra) -> Columns | Tensors | None:
    if schema is None:
        return None
    kind = Tensors if schema.is_tensor_spec() else Columns
    return kind(schema, strict=strict, extra=extra)


def compile(
    signature: ModelSignature, policy: Policy = "lossless", extra: Extra = "ignore"
) -> Enforcer:
    """Turn a signature into checks.

    Args:
        signature: MLflow's signature.
        policy: `mlflow` gives exactly MLflow's verdict and result; `lossless` makes every conversion that changes no value and
            refuses the rest; `strict` converts nothing.
        extra: Columns that the signature does not know are left out silently (`ignore`), with a `UserWarning` (`warn`), or
            refused (`forbid`). MLflow leaves them out: with `policy="mlflow"` nothing else can be asked for.

    Returns:
        The checks; compile once, use for every call.

    Raises:
        ValueError: No such policy, no such way with extra columns, or both do not go together.

    Example:
        >>> from mlflow.types.schema import ColSpec
        >>> enforcer = compile(ModelSignature(Schema([ColSpec("double", "age")])))
        >>> enforcer.inputs([{"age": 3}])
           age
        0  3.0
    """
    for word, known in (
        (policy, ("mlflow", "lossless", "strict")),
        (extra, ("ignore", "warn", "forbid")),
    ):
        if word not in known:
            raise ValueError(f"{word!r} is none of {', '.join(known)}")
    if policy == "mlflow" and extra == "forbid":
        raise ValueError(
            "the policy mlflow leaves extra columns out, as MLflow does; extra='forbid' needs another policy"
        )
    return Enforcer(signature, policy, extra)


def enforce(
    signature: ModelSignature,
    data: Any,
    params: dict[str, Any] | None = None,
    policy: Policy = "lossless",
    extra: Extra = "ignore",
) -> tuple[Any, dict[str, Any] | None]:
    """Check one call's inputs and params; `compile` is the way for more than one.

    Returns:
        The inputs and the params as the model is to get them.

    Raises:
        InputsError: The inputs or the params break the signature; `failures` lists where.
        ValueError: As `compile` does.

    Example:
        >>> from mlflow.types.schema import ColSpec
        >>> enforce(ModelSignature(Schema([ColSpec("long", "n")])), {"n": 2.5})
        Traceback (most recent call last):
        modelpact.errors.InputsError: the inputs break the signature in 1 place:
          row 0, n: expected long, got float 2.5 (LOSSY)
    """
    return compile(signature, policy, extra).call(data, params)
