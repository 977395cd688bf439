from __future__ import annotations

import pytest

from modelpact.errors import ModelConfigError, SecretError
from modelpact.security.references import referenced_variable, resolve

CANARY = "canary-7f3a"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("env:OPENAI_API_KEY", "OPENAI_API_KEY"),
        ("${OPENAI_API_KEY}", "OPENAI_API_KEY"),
        ("env:_k1", "_k1"),
        ("env:", None),
        ("env:1KEY", None),
        ("env:MY KEY", None),
        ("env:MY-KEY", None),
        ("env:KEY\n", None),
        (" env:KEY", None),
        ("ENV:KEY", None),
        ("Bearer env:KEY", None),
        ("$KEY", None),
        ("${oc.env:KEY}", None),
        ("${KEY}x", None),
        ("${KEY", None),
        ("", None),
        (CANARY, None),
    ],
)
def test_a_reference_names_a_variable(text: str, name: str | None) -> None:
    assert referenced_variable(text) == name


def test_a_reference_is_resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OWN_KEY", CANARY)
    assert (
        resolve("env:OWN_KEY", "model.api_key") == resolve("${OWN_KEY}", "model.api_key") == CANARY
    )


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "is not set"),
        ("", "is empty"),
        (f"{CANARY}\n", "leading or trailing whitespace"),
        (f" {CANARY}", "leading or trailing whitespace"),
        (" ", "leading or trailing whitespace"),
    ],
)
def test_a_variable_without_a_usable_value_is_named(
    value: str | None, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OWN_KEY", raising=False)
    if value is not None:
        monkeypatch.setenv("OWN_KEY", value)
    with pytest.raises(ModelConfigError, match=said) as raised:
        resolve("env:OWN_KEY", "model.api_key")
    assert "model.api_key" in raised.value.message
    assert "OWN_KEY" in raised.value.message
    assert "export OWN_KEY=..." in raised.value.remedy
    assert (raised.value.variable, raised.value.place) == ("OWN_KEY", "model.api_key")
    assert CANARY not in str(raised.value)


def test_a_literal_is_not_resolved_and_not_shown() -> None:
    with pytest.raises(SecretError, match="not a reference") as raised:
        resolve(CANARY, "model.api_key")
    assert raised.value.places == ["model.api_key"]
    assert CANARY not in str(raised.value)
