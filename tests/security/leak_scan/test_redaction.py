"""Redaction of secrets in texts that leave the process."""

from __future__ import annotations

import base64
import html
import json
import timeit
from time import process_time
from urllib.parse import quote

import pytest
from pytest_mock import MockerFixture

from modelpact.security import references
from modelpact.security.leak_scan import redact, redact_json, scan_values
from modelpact.security.references import remember_variables

VALUE = "zQ8/plover+77xkT=91ab"


@pytest.fixture(autouse=True)
def forgetful(mocker: MockerFixture) -> None:
    """Forget the variables that other tests mentioned."""
    mocker.patch.dict(references.VARIABLES, clear=True)


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
        f"...{VALUE[9:]}",
        VALUE.upper(),
        VALUE.encode().hex().upper(),
        html.escape(VALUE),
        f"{VALUE[:13]}\n{VALUE[13:]}",
    ],
)
def test_every_encoding_and_what_was_cut_off(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILER_KEY", VALUE)
    text = redact(f"401 for '{form}'")
    assert "[redacted]" in text
    assert form[2:12] not in text


def test_each_half_of_a_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILER_KEY", VALUE)
    half = len(VALUE) // 2 + 2
    assert redact(f"<{VALUE[:half]}> <{VALUE[-half:]}>") == "<[redacted]> <[redacted]>"


def test_a_passphrase_is_redacted_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILER_KEY", "correct-horse-battery-staple")
    assert redact("<correct-horse-battery-staple>") == "<[redacted]>"
    assert redact("a correct-horse and a battery-staple") == "a correct-horse and a battery-staple"


def test_the_parts_of_a_long_document_that_are_random(monkeypatch: pytest.MonkeyPatch) -> None:
    address = "https://accounts.google.com/o/oauth2/auth"
    document = {"type": "service_account", "auth_uri": address, "private_key_id": VALUE}
    monkeypatch.setenv("GOOGLE_CREDENTIALS", json.dumps({**document, "a": 1, "b": 2, "c": 3}))
    assert redact(f"{VALUE} of {address}") == f"[redacted] of {address}"


def test_a_key_that_was_cut_off() -> None:
    assert redact("got '" + "ghp_" + "a1B2c3D4...'") == "got '[redacted]'"
    assert redact("got 'key-value...' and so on ...") == "got 'key-value...' and so on ..."


def test_a_private_key_without_an_end() -> None:
    text = redact("bad -----BEGIN " + "PRIVATE KEY-----\n" + "MIIEvQIBADANBgkqhkiG9w0B\n" * 4)
    assert text == "bad [redacted]"


def test_a_json_document_stays_valid() -> None:
    key = "sk-" + "proj-0123456789"
    text = redact_json(json.dumps({"error": f"for {key}", "n": 1, "parts": [{key: None}]}))
    assert json.loads(text) == {
        "error": "for [redacted]",
        "n": 1,
        "parts": [{"[redacted]": None}],
    }


def test_the_time_of_a_redaction_hardly_depends_on_the_number_of_secrets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    line = "[2026-11-28 05:40:22,123][modelpact.registers][INFO] - registered version 12 of a: " * 3

    def seconds() -> float:
        redact(line)
        return min(timeit.repeat(lambda: redact(line), number=50, repeat=9, timer=process_time))

    before = seconds()
    for number in range(50):
        monkeypatch.setenv(f"MAILER_{number}_KEY", f"{VALUE}{number}")
    assert seconds() < 5 * before


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


@pytest.mark.parametrize("with_secrets", [False, True])
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
        "run 0123456789abcdef0123456789abcdef of sqlite:////tmp/x7Qk29vB/mlflow.db",
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "models:/diabetes/12 and models:/diabetes@champion, runs:/8f3a2b1c9d4e5f60/model",
        "/home/ann/.cache/pip/wheels/7a/1b/x9Zk2Lq8Wv/numpy-2.1.0-cp311-cp311.whl",
        "[2026-11-28 05:40:22,123][modelpact.registers][INFO] - registered diabetes version 12",
        "job key 5d41402abc4b2a76b9719d911017c5925d41402abc4b2a76b9719d911017c592 is done",
        "KeyError: 'token_count'; see https://host.org:8443/docs#authentication",
        '  File "/srv/app/auth_token.py", line 42, in refresh_token_from_cookie',
    ],
)
def test_ordinary_texts_are_unchanged(
    text: str, with_secrets: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if with_secrets:
        monkeypatch.setenv("MAILER_KEY", VALUE)
        monkeypatch.setenv("SEED_KEY", "4c0ffee1" * 4)
        monkeypatch.setenv("SORT_KEY", "created_at")
    assert redact(text) == text
