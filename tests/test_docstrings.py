"""Every example in a docstring is run."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import modelpact

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(modelpact.__path__, "modelpact.")
    if ".conf" not in module.name
)
WITH_EXAMPLES = {"modelpact.errors", "modelpact.models.base", "modelpact.models.scorers", "modelpact.datatypes.operations", "modelpact.types",
                 "modelpact.tracking.base", "modelpact._internal.text"}  # fmt: skip


@pytest.mark.parametrize("name", MODULES)
def test_examples_print_their_output(name: str) -> None:
    failed, tried = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert failed == 0
    assert tried > 0 or name not in WITH_EXAMPLES


def test_every_module_has_a_docstring() -> None:
    assert [name for name in MODULES if not importlib.import_module(name).__doc__] == []
