"""Redaction of secrets in texts that leave the process."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest

from modelpact.security import references
from modelpact.security.leak_scan import redact, scan_values
from modelpact.security.references import remember_variables

VALUE = "zQ8/plover+77xkT=91ab"


@pytest.fixture(autouse=True)
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget the variables that other tests mentioned."""
    monkeypatch.setattr(references, "_mentioned", {})


@pytest.mark.parametrize(
    "name",
    [
        *("OPENAI_API_KEY", "MAILER_KEY", "MAILERKEY", "MAILER_KEY_2", "GITHUB_PAT", "MYSQL_PWD"),
        *("SENTRY_DSN", "GOOGLE_CREDENTIALS", "DB_PASSWORD", "mailer_key"),
    ],
)
def test_the_name_of_a_variable_makes_its_value_a_secret(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, VALUE)
    assert redact(f"by {VALUE}.") == "by [redacted]."
    assert [leak.name for leak in scan_values({"tags": {"by": VALUE}}).leaks] == [name]


@pytest.mark.parametrize("name", ["OLDPWD", "KEYBOARD", "MONKEY_ISLAND", "PATH_A", "TEAM"])
def test_other_variables_are_public(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, VALUE)
    assert redact(VALUE) == VALUE


@pytest.mark.parametrize(
    "form",
    [
        VALUE.encode().hex(),
        base64.b64encode(VALUE.encode()).decode(),
        base64.b64encode(f"ann:{VALUE}".encode()).decode()[6:],
        quote(VALUE),
        "zQ8%2fplover%2b77xkT%3d91ab",
        json.dumps(VALUE)[1:-1],
        VALUE.replace("/", "\\/"),
        f"{VALUE[:14]}...",
        VALUE[:17],
    ],
)
def test_every_encoding_and_what_was_cut_off(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILER_KEY", VALUE)
    text = redact(f"401 for '{form}'")
    assert "[redacted]" in text
    assert form[2:12] not in text


def test_a_variable_that_a_configuration_refers_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEAM", VALUE)
    remember_variables("env:TEAM")
    assert redact(VALUE) == "[redacted]"


@pytest.mark.parametrize(
    ("value", "secret"),
    [
        (VALUE, True),
        ("fraud-detection-europe", False),
        ("eu-central-1", False),
        ("12345678", False),
        ("https://host.org/v1", False),
    ],
)
def test_an_interpolation_makes_only_random_values_secrets(
    value: str, secret: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEAM", value)
    remember_variables("${oc.env:TEAM}")
    assert (redact(value) != value) == secret
    assert bool(scan_values({"tags": {"team": value}}).leaks) == secret


@pytest.mark.parametrize(
    ("value", "secret"),
    [("hunt3r", True), ("hunt3", False), ("123456", False), ("hunter", False), ("test12", False)],
)
def test_short_passwords_are_whole_words(
    value: str, secret: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DB_PASSWORD", value)
    assert (redact(f"by {value}.") == "by [redacted].") == secret
    assert redact(f"by a{value}b.") == f"by a{value}b."


@pytest.mark.parametrize(
    "key",
    [
        "SK" + "0123456789abcdef" * 2,
        "key-"
        + "3ax6xnjp29jd6fds4gc373sgvjxteol0".translate(str.maketrans("xnjpgvstol", "0123456789")),
        "0123456789abcdef" * 2 + "-" + "1a2b3c4d" + "-" + "5e6f7a8b",
        "ATATT3" + "xFfGF0" * 8,
        "sq0atp-" + "Ab3" * 8,
        "dp.pt." + "Ab3dE" * 9,
    ],
)
def test_keys_of_services(key: str) -> None:
    assert redact(f"the key {key}, again") == "the key [redacted], again"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no such column 'key'",
        "the variable OPENAI_API_KEY is not set",
        "model.api_key: env:KEY",
        "token: unexpected end of input",
        "SKU 12, key-value store, max_tokens=100",
        "mlflow-artifacts:/1/models/m-0123456789abcdef0123456789abcdef/artifacts",
        "https://example.org/v1?page=2",
    ],
)
def test_ordinary_texts_are_unchanged(text: str) -> None:
    assert redact(text) == text
