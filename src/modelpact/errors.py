"""Every error of modelpact, in one tree.

* PactError
    * ConfigError(ValueError)                   a step or a task cannot be built from its configuration
        * SpecError                             a written signature is malformed
        * ModelConfigError                      a model's own configuration is missing or broken
        * ModelConfigNotFound(FileNotFoundError)
    * DataError(ValueError)                     data that cannot be read, or is not what it should be
    * FitError                                  the model failed while it was fitted
    * SignError(ValueError)                     no honest signature can be made
    * SaveError                                 the model could not be saved whole
        * DriftError                            what was stored is not what was signed
    * LoadError                                 the model could not be loaded
        * IntegrityError                        the stored files are not those that were published
    * InputsError(ValueError)                   inputs or params break the signature
    * OutputsError(ValueError)                  the model's answer breaks the signature
    * PredictError                              the model itself failed
        * ChatError                             a chat server gave no usable answer
    * VerifyError                               a saved model did not pass its checks
    * RegisterError                             the registry was not changed: no version was created, no alias moved
        * CompatibilityError                    the new signature breaks callers of the old
        * AliasError                            an alias cannot be moved, or somebody else has moved it
            * PromotionError                    a version does not pass the rules of a promotion
    * SecretError                               a secret where none may be
    * StoreError                                the tracking store cannot be opened or reached
    * SweepError                                a sweep cannot be run as asked

Each error subclasses the builtin a caller would expect, carries its facts as attributes, and its text says what happened, where,
and what to do. `exit_status` is what the command line ends with: 2 for a configuration error, 1 for the rest.
"""

from __future__ import annotations

from typing import Any, ClassVar

__all__ = [
    "AliasError",
    "ChatError",
    "CompatibilityError",
    "ConfigError",
    "DataError",
    "DriftError",
    "FitError",
    "InputsError",
    "IntegrityError",
    "LoadError",
    "ModelConfigError",
    "ModelConfigNotFound",
    "OutputsError",
    "PactError",
    "PredictError",
    "PromotionError",
    "RegisterError",
    "SaveError",
    "SecretError",
    "SignError",
    "SpecError",
    "StoreError",
    "SweepError",
    "VerifyError",
]


class PactError(Exception):
    """The root of all errors of modelpact.

    Args:
        message: What happened, and where.
        remedy: What to do about it; printed on a line of its own.
        facts: What a program may want to read instead of parsing the text; each becomes an attribute.

    Example:
        >>> error = DataError("no column 'age' in data.csv", remedy="The columns are: sex, bmi.", column="age")
        >>> error.column
        'age'
    """

    exit_status: ClassVar[int] = 1

    def __init__(self, message: str, *, remedy: str = "", **facts: Any) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.facts: dict[str, Any] = {}
        self.tell(**facts)

    def tell(self, **facts: Any) -> None:
        """Add facts that became known after the error was raised."""
        self.facts.update(facts)
        self.__dict__.update(facts)

    def __str__(self) -> str:
        return f"{self.message}\n{self.remedy}" if self.remedy else self.message

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.message, self.remedy, self.facts)


def _rebuild(kind: type[PactError], message: str, remedy: str, facts: dict[str, Any]) -> PactError:
    return kind(message, remedy=remedy, **facts)


class ConfigError(PactError, ValueError):
    """A step or a task cannot be built from the configuration it was given."""

    exit_status = 2


class SpecError(ConfigError):
    """A written signature is malformed; `problems` lists every fault as `(place, text)`."""


class ModelConfigError(ConfigError):
    """A model's own configuration is missing or broken."""


class ModelConfigNotFound(ConfigError, FileNotFoundError):
    """The file of a model's own configuration does not exist; `path` is where it was looked for."""


class DataError(PactError, ValueError):
    """Data that cannot be read, or that is not what it should be."""


class FitError(PactError):
    """The model raised while it was fitted; the cause is chained."""


class SignError(PactError, ValueError):
    """No signature can be made that tells the truth about the data."""


class SaveError(PactError):
    """The model could not be saved whole."""


class DriftError(SaveError):
    """What was stored is not what was signed; `signed` and `stored` are the two signatures as dicts."""


class LoadError(PactError):
    """The model could not be loaded; `uri` says which."""


class IntegrityError(LoadError):
    """The stored files are not those that were published."""


class InputsError(PactError, ValueError):
    """The inputs or params break the model's signature; `failures` lists each break."""


class OutputsError(PactError, ValueError):
    """What the model answered breaks its signature; `failures` lists each break."""


class PredictError(PactError):
    """The model itself failed on inputs that its signature accepts; the cause is chained."""


class ChatError(PredictError):
    """A chat server gave no usable answer; `reason` names why (see docs/chat.md), `status` and `attempts` say how it went."""


class VerifyError(PactError):
    """A saved model did not pass its checks; `verdict` holds them all."""


class RegisterError(PactError):
    """The registry was not changed: no version was created, or no alias moved."""


class CompatibilityError(RegisterError):
    """The new signature breaks callers of the old; `changes` lists how."""


class AliasError(RegisterError):
    """An alias cannot be moved, or somebody else has moved it; `alias` says which."""


class PromotionError(AliasError):
    """A version does not pass the rules of a promotion; `rules` has the result of each."""


class SecretError(PactError):
    """A secret was found where none may be; the text names each place, in `places` too, never a value.

    A matter of the configuration, and yet no `ValueError`: Pydantic would wrap that, and repeat the value beside it.
    """

    exit_status = 2


class StoreError(PactError):
    """The tracking store cannot be opened or reached; `uri` says which, without credentials."""


class SweepError(PactError):
    """A sweep cannot be run as asked."""
