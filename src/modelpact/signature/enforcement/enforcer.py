"""The enforcer: a compiled signature that checks the inputs, params and outputs of calls."""

from __future__ import annotations

from typing import Any, TypeVar

from mlflow.models import ModelSignature
from mlflow.types.schema import Schema

from modelpact._internal import mlflow_compat
from modelpact.errors import InputsError, OutputsError
from modelpact.signature.enforcement import mlflow_policy
from modelpact.signature.enforcement.column_schema import CompiledColumns
from modelpact.signature.enforcement.options import Extra, Policy, check_options
from modelpact.signature.enforcement.params import CompiledParams
from modelpact.signature.enforcement.payloads import check_columns
from modelpact.signature.enforcement.tensors import CompiledTensors
from modelpact.signature.enforcement.violations import DEFAULT_LIMIT, Violations

__all__ = ["Enforcer", "compile", "enforce"]

T = TypeVar("T")
CompiledSchema = CompiledColumns | CompiledTensors


class Enforcer:
    """A compiled signature. It holds no state between calls and may be shared by threads.

    Attributes:
        signature: The signature.
        policy: `mlflow`, `lossless` or `strict`.
        extra: What to do with columns that are not in the signature.
    """

    def __init__(self, signature: ModelSignature, policy: Policy, extra: Extra) -> None:
        self.signature = signature
        self.policy = policy
        self.extra = extra
        strict = policy == "strict"
        self._inputs = _compile_schema(signature.inputs, strict, extra)
        self._outputs = _compile_schema(signature.outputs, strict, extra)
        self._params = CompiledParams(signature.params, strict=strict)

    def enforce_inputs(self, data: object) -> Any:
        """Check inputs and convert them for the model.

        Args:
            data: A DataFrame `(n_rows, n_columns)`, Series, ndarray, sparse matrix, dict of arrays,
                list, dict, scalar, or a table of polars or pyarrow. It is never changed.

        Returns:
            A DataFrame for a schema of columns, arrays for one of tensors. `data` itself if it
            conforms without a conversion, or if the signature has no inputs.

        Raises:
            InputsError: The inputs violate the signature.
        """
        violations = Violations()
        checked = self._check(data, self.signature.inputs, self._inputs, violations)
        violations.raise_if_any(InputsError, "inputs")
        return checked

    def enforce_params(self, params: dict[str, Any] | None) -> dict[str, Any] | None:
        """Check params and return them as plain Python values, with defaults.

        Raises:
            InputsError: A param is unknown, or has a value of the wrong type.
        """
        violations = Violations()
        checked = self._check_params(params, violations)
        violations.raise_if_any(InputsError, "params")
        return checked

    def enforce_call(
        self, data: object, params: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any] | None]:
        """Check inputs and params together, and report the violations of both.

        Args:
            data: As for `enforce_inputs`.
            params: As for `enforce_params`.

        Returns:
            The inputs and the params for the model.

        Raises:
            InputsError: The inputs or params violate the signature.
        """
        violations = Violations()
        checked = self._check(data, self.signature.inputs, self._inputs, violations)
        n_inputs = violations.total
        checked_params = self._check_params(params, violations)
        if violations:
            n_params = violations.total - n_inputs
            parts = [name for name, n in (("inputs", n_inputs), ("params", n_params)) if n]
            violations.raise_if_any(InputsError, " and ".join(parts))
        return checked, checked_params

    def enforce_outputs(self, data: T) -> T:
        """Check the outputs of the model and return them unchanged.

        Raises:
            OutputsError: The outputs violate the signature.
        """
        violations = Violations()
        self._check(data, self.signature.outputs, self._outputs, violations)
        violations.raise_if_any(OutputsError, "outputs")
        return data

    def find_violations(
        self, data: object, params: dict[str, Any] | None = None, limit: int = DEFAULT_LIMIT
    ) -> Violations:
        """Return the violations of inputs and params instead of raising them.

        Args:
            data: As for `enforce_inputs`.
            params: As for `enforce_params`; None for a call without params.
            limit: The number of violations that are recorded; the rest are only counted.

        Example:
            >>> from mlflow.types.schema import ColSpec
            >>> enforcer = compile(ModelSignature(Schema([ColSpec("long", "n")])))
            >>> enforcer.find_violations([{"n": 1}, {"n": "x"}, {}]).total
            2
        """
        violations = Violations(limit)
        self._check(data, self.signature.inputs, self._inputs, violations)
        self._check_params(params, violations)
        return violations

    def _check_params(
        self, params: dict[str, Any] | None, violations: Violations
    ) -> dict[str, Any] | None:
        if self.policy != "mlflow":
            return self._params.check(params, violations)
        return mlflow_policy.check_params(params, self.signature.params, violations)

    def _check(
        self,
        data: object,
        schema: Schema | None,
        compiled: CompiledSchema | None,
        violations: Violations,
    ) -> object:
        if compiled is None or schema is None:
            return data
        # MLflow does not enforce a schema of type hints, but lets the model check them.
        if self.policy != "mlflow" or mlflow_compat.is_from_type_hints(self.signature):
            return _check_data(data, compiled, violations)
        checked = mlflow_policy.check_data(data, schema, violations)
        if violations:
            # MLflow's message often does not name the place where the data violates the schema.
            _check_data(data, compiled, violations)
        return checked


def _check_data(data: object, compiled: CompiledSchema, violations: Violations) -> object:
    if isinstance(compiled, CompiledColumns):
        return check_columns(data, compiled, violations)
    return compiled.check(data, violations)


def _compile_schema(schema: Schema | None, strict: bool, extra: Extra) -> CompiledSchema | None:
    if schema is None:
        return None
    kind = CompiledTensors if schema.is_tensor_spec() else CompiledColumns
    return kind(schema, strict=strict, extra=extra)


def compile(
    signature: ModelSignature, policy: Policy = "lossless", extra: Extra = "ignore"
) -> Enforcer:
    """Compile a signature, once for all calls.

    Args:
        signature: MLflow's signature.
        policy: `mlflow` returns exactly MLflow's results; `lossless` makes every conversion that
            does not change a value, and rejects the rest; `strict` makes no conversion.
        extra: Columns that are not in the signature are ignored (`ignore`), ignored with a
            `UserWarning` (`warn`), or rejected (`forbid`). `policy="mlflow"` cannot forbid them.

    Raises:
        ValueError: `policy` or `extra` is unknown, or they cannot be combined.

    Example:
        >>> from mlflow.types.schema import ColSpec
        >>> enforcer = compile(ModelSignature(Schema([ColSpec("double", "age")])))
        >>> enforcer.enforce_inputs([{"age": 3}])
           age
        0  3.0
    """
    check_options(policy, extra)
    if policy == "mlflow" and extra == "forbid":
        raise ValueError(
            "policy='mlflow' cannot be combined with extra='forbid', because MLflow ignores extra "
            "columns: use policy='lossless' or 'strict'"
        )
    return Enforcer(signature, policy, extra)


def enforce(
    signature: ModelSignature,
    data: object,
    params: dict[str, Any] | None = None,
    policy: Policy = "lossless",
    extra: Extra = "ignore",
) -> tuple[Any, dict[str, Any] | None]:
    """Check the inputs and params of a single call; use `compile` for more than one.

    Args:
        signature: MLflow's signature.
        data: As for `Enforcer.enforce_inputs`.
        params: As for `Enforcer.enforce_params`.
        policy: As for `compile`.
        extra: As for `compile`.

    Returns:
        The inputs and the params for the model.

    Raises:
        InputsError: The inputs or params violate the signature.
        ValueError: `policy` or `extra` is unknown, or they cannot be combined.

    Example:
        >>> from mlflow.types.schema import ColSpec
        >>> enforce(ModelSignature(Schema([ColSpec("long", "n")])), {"n": 2.5})
        Traceback (most recent call last):
        modelpact.errors.InputsError: the inputs violate the signature in 1 place:
          row 0, n: expected long, got float 2.5 (LOSSY)
    """
    return compile(signature, policy, extra).enforce_call(data, params)
