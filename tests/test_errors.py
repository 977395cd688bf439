from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from modelpact import errors
from modelpact.errors import PactError

ALL = [getattr(errors, name) for name in errors.__all__]


def test_every_error_of_the_module_is_exported() -> None:
    defined = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, Exception)
    }
    assert defined == set(errors.__all__)
    assert errors.__all__ == sorted(errors.__all__)


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize(
    "again", [lambda error: pickle.loads(pickle.dumps(error)), copy.copy, copy.deepcopy]
)
def test_errors_are_pickled_with_their_attributes(kind: type[PactError], again: Any) -> None:
    error = kind("what happened", remedy="what to do")
    error.reported = True
    other = again(error)
    assert type(other) is kind
    assert str(other) == str(error) == "what happened\nwhat to do"
    assert (other.message, other.remedy) == ("what happened", "what to do")
    assert other.reported is True
    assert vars(other) == vars(error)


@pytest.mark.parametrize("kind", ALL)
def test_only_configuration_errors_end_with_status_2(kind: type[PactError]) -> None:
    assert kind.exit_status == (
        2 if issubclass(kind, errors.ConfigError | errors.SecretError) else 1
    )


@pytest.mark.parametrize("kind", ALL)
def test_every_error_has_a_docstring(kind: type[PactError]) -> None:
    assert kind.__doc__
    assert len(kind.__doc__.splitlines()[0]) > 20


def test_without_a_remedy_the_text_is_the_message() -> None:
    error = PactError("what happened")
    assert str(error) == "what happened"
    assert error.remedy == ""


def test_a_missing_model_configuration_has_both_base_classes() -> None:
    for builtin in (ValueError, FileNotFoundError, OSError):
        with pytest.raises(builtin, match="gone"):
            raise errors.ModelConfigNotFound("gone", path="x.json")
