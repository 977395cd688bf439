"""Every error of modelpact, in one tree, which docs/errors.md shows.

Each error subclasses the builtin exception that a caller would expect. Its text says what happened,
where, and what to do; its attributes carry the same facts for programs. `exit_status` is the exit
status of the command line: 2 for a configuration error, 1 for the rest.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar, dataclass_transform

if TYPE_CHECKING:
    from mlflow.models import ModelSignature

    from modelpact.registry.aliases import RuleResult
    from modelpact.security.integrity import Problem
    from modelpact.serving import Parity
    from modelpact.signature import Change, Violation
    from modelpact.types import Receipt, Verdict

__all__ = [
    "AliasError", "ChatError", "CompatibilityError", "ConfigError", "DataError", "DriftError",
    "FitError", "InputsError", "IntegrityError", "LoadError", "ModelConfigError",
    "ModelConfigNotFound", "OutputsError", "PactError", "PredictError", "PromotionError",
    "RegisterError", "SaveError", "SecretError", "SignError", "SpecError", "StoreError",
    "SweepError", "VerifyError",
]  # fmt: skip


E = TypeVar("E")


@dataclass_transform(kw_only_default=True, eq_default=False, field_specifiers=(field,))
def _error(kind: type[E]) -> type[E]:
    """Make the annotated attributes of an error keyword arguments of its constructor."""
    return dataclass(kw_only=True, eq=False, repr=False)(kind)


@_error
class PactError(Exception):
    """The root of all errors of modelpact.

    Args:
        message: What happened, and where.
        remedy: What to do about it; printed on a line of its own.

    Attributes:
        receipt: The receipt of the failed run; None outside of `publish`.
        reported: Whether a sweep has reported the error already.

    Example:
        >>> error = DataError("no column 'age'", remedy="Columns: sex, bmi.", column="age")
        >>> error.column
        'age'
    """

    exit_status: ClassVar[int] = 1

    message: str = field(kw_only=False)
    remedy: str = ""
    receipt: Receipt | None = None
    reported: bool = False

    def __str__(self) -> str:
        text = "\n".join(filter(None, [self.message, self.remedy]))
        return re.sub("[\0-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]", lambda c: ascii(c[0])[1:-1], text)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.__dict__)


def _rebuild(kind: type[PactError], attributes: dict[str, Any]) -> PactError:
    error = kind(attributes["message"])
    error.__dict__.update(attributes)
    return error


@_error
class ConfigError(PactError, ValueError):
    """A step or a task cannot be built from its configuration."""

    exit_status = 2

    group: str | None = None
    option: str | None = None
    key: str | None = None
    path: str | None = None


@_error
class SpecError(ConfigError):
    """A written signature is malformed.

    Attributes:
        problems: Every fault, as `(path, text)`.
        lines: The line of each fault in its file, from 1; None where unknown.
        source: The file; None for a signature that was not read from a file.
    """

    problems: Sequence[tuple[str, str]] = ()
    lines: Sequence[int | None] = ()
    source: str | None = None


@_error
class ModelConfigError(ConfigError):
    """A model's own configuration is missing or invalid.

    Attributes:
        keys: The keys at fault.
        line: The line in the file `path`, from 1.
        variable: The environment variable at fault; `place` is the key that refers to it.
    """

    keys: Sequence[str] = ()
    line: int | None = None
    variable: str | None = None
    place: str | None = None


class ModelConfigNotFound(ConfigError, FileNotFoundError):
    """The configuration file of a model, `path`, does not exist."""


@_error
class DataError(PactError, ValueError):
    """Data cannot be read, or has the wrong content."""

    source: str | None = None
    path: str | None = None
    line: int | None = None
    column: object = None


@_error
class FitError(PactError):
    """The model raised while it was fitted; the cause is chained."""

    columns: Sequence[str] = ()


@_error
class SignError(PactError, ValueError):
    """No signature fits the data.

    Attributes:
        problems: Every problem, as `(path, text)`.
        failures: The violations of the signature by its own data.
        signature: The signature that the data violates.
        differences: The differences between a signature and the type hints, as `(path, text)`.
        hint: The type hint at fault.
        path: The path of that hint.
    """

    problems: Sequence[tuple[str, str]] = ()
    failures: Sequence[Violation] = ()
    signature: ModelSignature | None = None
    differences: Sequence[tuple[str, str]] = ()
    hint: str | None = None
    path: str | None = None


@_error
class SaveError(PactError):
    """The model could not be saved."""

    model: str | None = None
    flavor: str | None = None
    path: str | None = None


@_error
class DriftError(SaveError):
    """The stored signature is not the one that was signed; both are attributes, as dicts."""

    signed: dict[str, Any] | None = None
    stored: dict[str, Any] | None = None


@_error
class LoadError(PactError):
    """The model `uri` could not be loaded."""

    uri: str | None = None


@_error
class IntegrityError(LoadError):
    """The stored files or the signature are not the ones that were published.

    Attributes:
        problems: What differs, each with a `code` and a `text`.
        changed: Files with another content.
        missing: Files that are gone.
        added: Files that were not published.
        special: Links, devices and other entries that are not regular files.
        versions: The versions that `task=audit` found to differ, as `(name, version)`.
    """

    problems: Sequence[Problem] = ()
    changed: Sequence[str] = ()
    missing: Sequence[str] = ()
    added: Sequence[str] = ()
    special: Sequence[str] = ()
    versions: Sequence[tuple[str, str]] = ()


@_error
class InputsError(PactError, ValueError):
    """The inputs or params violate the signature.

    Attributes:
        failures: The violations, at most as many as the message lists.
        total: The number of all violations.
        row: The row at fault, from 0.
        uri: The model that was called.
    """

    failures: Sequence[Violation] = ()
    total: int | None = None
    row: int | None = None
    uri: str | None = None


@_error
class OutputsError(PactError, ValueError):
    """The prediction violates the signature; `failures` lists violations, `total` counts them."""

    failures: Sequence[Violation] = ()
    total: int | None = None


@_error
class PredictError(PactError):
    """The model raised on inputs that its signature accepts; the cause is chained."""

    uri: str | None = None


@_error
class ChatError(PredictError):
    """A chat server returned no usable response.

    Attributes:
        reason: The reason code (see docs/chat.md).
        status: The HTTP status; None if no response was received.
        attempts: The number of requests that were sent.
        row: The row at fault, from 0.
    """

    reason: str | None = None
    status: int | None = None
    attempts: int | None = None
    row: int | None = None


@_error
class VerifyError(PactError):
    """A saved model did not pass its checks (`verdict`), or its comparison (`parity`)."""

    verdict: Verdict | None = None
    parity: Parity | None = None


@_error
class RegisterError(PactError):
    """The registry was not changed: no version was created and no alias was moved.

    Attributes:
        name: The registered model.
        version: The version at fault.
        uri: The model to register.
        not_undone: Changes that could not be undone.
    """

    name: str | None = None
    version: str | None = None
    uri: str | None = None
    not_undone: Sequence[str] = ()


@_error
class CompatibilityError(RegisterError):
    """The new signature breaks callers of an earlier version.

    Attributes:
        changes: The breaking changes.
        broken: The breaking changes by version.
        mode: The compatibility mode.
    """

    changes: Sequence[Change] = ()
    broken: Mapping[Any, Sequence[Change]] = field(default_factory=dict)
    mode: str | None = None


@_error
class AliasError(RegisterError):
    """An alias cannot be moved, or was moved concurrently.

    Attributes:
        alias: The alias.
        current: The version that the alias names.
        expected: The version that it was expected to name.
    """

    alias: str | None = None
    current: int | None = None
    expected: int | Literal["any"] | None = None


@_error
class PromotionError(AliasError):
    """A version does not meet the rules of a promotion; `rules` is the result of each rule."""

    rules: Sequence[RuleResult] = ()


@_error
class SecretError(PactError):
    """A literal secret was found where a reference is required; the text omits the value.

    It is a configuration error but not a `ValueError`, which Pydantic would wrap and repeat.

    Attributes:
        places: Where the secrets were found.
        leaks: The findings of the leak scan.
    """

    exit_status = 2

    places: Sequence[str] = ()
    leaks: Sequence[str] = ()


@_error
class StoreError(PactError):
    """The tracking store `uri` (without credentials), or its `experiment`, cannot be opened."""

    uri: str | None = None
    experiment: str | None = None


@_error
class SweepError(PactError):
    """A sweep cannot be run as configured, or some of its jobs failed.

    Attributes:
        jobs: The numbers of the jobs at fault.
        differences: How the sweep differs from the one to resume.
    """

    jobs: Sequence[int] = ()
    differences: Sequence[str] = ()
