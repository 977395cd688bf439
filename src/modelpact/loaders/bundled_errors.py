"""Errors of the copy of modelpact that a saved model carries, as errors of this modelpact."""

from __future__ import annotations

import dataclasses
import re

from modelpact import errors
from modelpact.errors import PactError

__all__ = ["convert_error"]


def convert_error(error: BaseException) -> PactError | None:
    """Return an error of a bundled modelpact as an error of this modelpact; None for all others.

    The two have different classes if the model was saved by another release.
    """
    for kind in type(error).__mro__:
        if re.fullmatch(r"_modelpact_[0-9a-f]+\.errors", kind.__module__):
            return _copy_as(getattr(errors, kind.__name__, PactError), error)
    return None


def _copy_as(kind: type[PactError], error: BaseException) -> PactError:
    names = {field.name for field in dataclasses.fields(kind)} - {"message"}
    known = {name: value for name, value in vars(error).items() if name in names}
    return kind(getattr(error, "message", str(error)), **known)
