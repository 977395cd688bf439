"""Secrets, and values that only resemble them."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from modelpact.errors import SecretError
from modelpact.security.secrets import (
    REDACTED,
    contains_key,
    find_literals,
    redact_values,
    reject_literals,
)
from modelpact.security.text_redaction import redact_text

CANARY = "canary-7f3a"
"""A key without a known form: only its place reveals it."""

OPENAI = "sk-" + "proj-canary0123456789"
BASIC = "Basic " + base64.b64encode(b"ann:canary").decode()
JWT = ".".join(
    base64.b64encode(part).decode().rstrip("=")
    for part in (b'{"alg":"HS256"}', b'{"sub":"canary"}', b"signature")
)


KEYS = [
    OPENAI,
    "sk-" + "a" * 48,
    "sk-" + "0123456789abcdef0123456789abcdef",
    "sk-" + "canary-0123456789abcdef",
    "sk-" + "ant-api03-abcdefgh",
    "sk-" + "or-v1-0123abcd",
    "sk_live_" + "0123456789abcdef",
    "ghp_" + "a1" * 18,
    "github_pat_" + "a1_" * 10,
    "glpat-" + "0123456789abcdefghij",
    "AKIA" + "IOSFODNN7EXAMPLE",
    "xoxb-" + "123456789012-abc",
    "xoxp-" + "123456789012-abc",
    "AIza" + "a-_1" * 9,
    "hf_" + "aB3" * 10,
    "gsk_" + "aB3" * 10,
    JWT,
    "Bearer " + "canary-7f3a",
    "bearer " + "abc.def",
    "Bearer " + "abcdefghijklmnopqrstuvwx",
    BASIC,
    "basic " + "dXNlcjpwYXNz",
    "-----BEGIN " + "PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----",
    "-----BEGIN RSA " + "PRIVATE KEY-----",
    "-----BEGIN OPENSSH " + "PRIVATE KEY-----",
    "-----BEGIN PGP " + "PRIVATE KEY BLOCK-----",
]

NO_KEYS = [
    "",
    "sk",
    "sk-",
    "sk-learn",
    "sk-learn-pipeline-of-the-second-kind",
    "sklearn.linear_model.Ridge",
    "risk-assessment0123456789abcdef",
    "desk-0123456789abcdef0123456789",
    "task-abcdefghijklmnopqrstuvwxyz",
    "ghp_short",
    "AKIA",
    "AKIA" + "IOSFODNN7EXAMPLELONGER",
    "xoxo-and-so-on-and-so-on",
    "AIzawa",
    "hf_hub",
    "hf_transformers_model_of_a_name",
    "eyJ",
    "eyJust.a.name",
    "Bearer",
    "Bearer token",
    "Bearer authentication",
    "the bearer of bad news",
    "Bearer env:TOKEN",
    "Bearer ${TOKEN}",
    "Basic regression",
    "Basic authentication",
    "basic example of a table",
    "-----BEGIN CERTIFICATE-----",
    "-----BEGIN PUBLIC KEY-----",
    "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "123e4567-e89b-12d3-a456-426614174000",
    "env:OPENAI_API_KEY",
    "outputs/2026-01-01/12-00-00-000001",
]


@pytest.mark.parametrize("value", KEYS)
def test_keys_of_known_forms_are_found_and_redacted(value: str) -> None:
    assert contains_key(value)
    assert contains_key(f"use '{value}' here")
    assert value not in redact_text(f"use '{value}' here")
    assert find_literals({"note": value}) == ["note"]


@pytest.mark.parametrize("value", NO_KEYS)
def test_texts_that_only_resemble_keys(value: str) -> None:
    assert not contains_key(value)
    assert find_literals({"note": value}) == []
    assert redact_text(value) == value


PLACES: list[tuple[dict[str, Any], list[str]]] = [
    ({"model": {"api_key": CANARY}}, ["model.api_key"]),
    ({"api_key": 1234}, ["api_key"]),
    ({"api_key": b"abc"}, ["api_key"]),
    ({"api_keys": [CANARY, "env:A", CANARY]}, ["api_keys.0", "api_keys.2"]),
    (
        {"model": {"fallbacks": [{"api_key": CANARY}, {"api_key": "env:B"}]}},
        ["model.fallbacks.0.api_key"],
    ),
    (
        {"model": {"headers": {"X-Api-Key": CANARY, "X-Team": "blue"}}},
        ["model.headers.X-Api-Key", "model.headers.X-Team"],
    ),
    (
        {"default_headers": {"X-Count": 3, "X-On": True}},
        ["default_headers.X-Count", "default_headers.X-On"],
    ),
    ({"extraHeaders": {"a": {"b": "c"}}}, ["extraHeaders.a.b"]),
    ({"headers": [f"X-Team: {CANARY}"]}, ["headers.0"]),
    (
        {"hydra.sweeper.params": {"model.headers.X-Team": "a,b"}},
        ["hydra.sweeper.params.model.headers.X-Team"],
    ),
    ({"params": {"model.api_key": "env:A,abc"}}, ["params.model.api_key"]),
    ({"api": {"key": CANARY}}, ["api.key"]),
    ({"api_key": {"value": CANARY, "note": "x"}}, ["api_key.value"]),
    ({"env": [{"name": "API_KEY", "value": CANARY}]}, ["env.0.value"]),
    ({"api_key": "env:not a name"}, ["api_key"]),
    ({"api_key": "env:"}, ["api_key"]),
    ({"api_key": f"x env:NAME {CANARY}"}, ["api_key"]),
    ({"api_key": "abc${seed}"}, ["api_key"]),
    ({"api_key": "${a}b${c}"}, ["api_key"]),
    ({"api_key": "${oc.env:NAME}"}, ["api_key"]),
    ({"api_key": "${ oc.env : NAME }"}, ["api_key"]),
    ({"api_key": "${env:NAME}"}, ["api_key"]),
    ({"api_key": "${oc.decode:${oc.env:NAME}}"}, ["api_key"]),
    ({"api_key": f"${{oc.select:x,{OPENAI}}}"}, ["api_key"]),
    ({"headers": {"X-Team": "${oc.env:TEAM}"}}, ["headers.X-Team"]),
    ({"headers": {"Authorization": "Bearer ${oc.env:TEAM}"}}, ["headers.Authorization"]),
    ({"api_key": "env:" + "ghp_" + "a1" * 18}, ["api_key"]),
    ({"messages": [{"content": f"my key is {OPENAI}"}]}, ["messages.0.content"]),
    ({"password": "string = 'hunter2'"}, ["password"]),
    ({"base_url": f"https://ann:{CANARY}@host/v1"}, ["base_url"]),
    ({"base_url": f"https://{CANARY}@host/v1"}, ["base_url"]),
    ({"base_url": f"https://:{CANARY}@host/v1"}, ["base_url"]),
    ({"base_url": f"HTTPS://ann:{CANARY}@host"}, ["base_url"]),
    ({"base_url": f"https://ann:{CANARY}@[::1]:80/v1"}, ["base_url"]),
    ({"base_url": f"https://host/v1?x=1&api_key={CANARY}"}, ["base_url"]),
    ({"base_url": f"https://host/v1#access_token={CANARY}"}, ["base_url"]),
    ({"path": f"https://account.blob.core.windows.net/c/t.csv?sv=1&sig={CANARY}"}, ["path"]),
    ({"uri": f"postgresql://ann:{CANARY}@db/mlflow"}, ["uri"]),
    ({"uri": f"postgresql+psycopg2://ann:{CANARY}/x@db/mlflow"}, ["uri"]),
    ({"uri": f"jdbc:postgresql://db/mlflow?user=ann&password={CANARY}"}, ["uri"]),
    ({"note": f"clone https://ann:{CANARY}@host/x.git first"}, ["note"]),
    ({"uri": "https://ann:${oc.env:A}b@host"}, ["uri"]),
]


@pytest.mark.parametrize(
    ("config", "places"), PLACES, ids=lambda case: json.dumps(case, default=str)[:60]
)
def test_literals_are_found_with_their_places(config: dict[str, Any], places: list[str]) -> None:
    assert find_literals(config) == places
    assert find_literals(config, "top") == [f"top.{place}" for place in places]
    with pytest.raises(SecretError) as raised:
        reject_literals(config, "top", source="own.yaml")
    assert raised.value.places == find_literals(config, "top")
    assert raised.value.exit_status == 2
    for part in [*raised.value.places, "(own.yaml)"]:
        assert part in raised.value.message
    for value in (CANARY, OPENAI, "hunter2", "blue", "1234"):
        assert value not in str(raised.value)


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"api_key": None},
        {"api_key": ""},
        {"api_key": "???"},
        {"api_key": False, "token": True},
        {"api_key": "env:OPENAI_API_KEY"},
        {"api_key": "${OPENAI_API_KEY}"},
        {"api_key": "\\${OPENAI_API_KEY}"},
        {"api_key": "${model.api_key}"},
        {"api_key": "${.other}"},
        {"api_key": "${a.${b}.c}"},
        {"api_keys": ["env:A", "env:B"]},
        {"params": {"model.api_key": "env:A, env:B"}},
        {"headers": {}},
        {"headers": {"X-Api-Key": "env:A", "X-Team": "${TEAM}", "X-None": None}},
        {"headers": ["name", "price"]},
        {"columns": ["token", "password"], "target": "token"},
        {
            "inputs": {
                "token": "string",
                "password?": "string",
                "secret": ["string"],
                "cookie": {"name": "string"},
            }
        },
        {"inputs": {"token": "float32[-1, 10]", "passwords": "[string]"}},
        {"params": {"token": "string = null", "password": "string = ''"}},
        {"inputs": [{"type": "string", "name": "token", "required": True}]},
        {
            "properties": {"token": {"type": "string", "description": "what the user typed"}},
            "required": ["token"],
        },
        {
            "max_tokens": 100,
            "eos_token": "</s>",
            "tokenizer": "bpe",
            "primary_key": "id",
            "key": "a",
            "author": "ann",
        },
        {"env": [{"name": "TEAM", "value": "blue"}]},
        {"name": "secret"},
        {"note": "${oc.env:HOME}", "home": "${env:HOME}"},
        {"path": "${oc.env:HOME}/table.csv"},
        {"uri": "sqlite:////home/a@b/mlflow.db"},
        {"uri": "postgresql://ann@db/mlflow"},
        {"uri": "abfss://container@account.dfs.core.windows.net/path"},
        {"uri": "postgresql://ann:${oc.env:PW}@db/mlflow"},
        {
            "uri": "http://127.0.0.1:5000",
            "other": "http://[::1]:5000/a@b",
            "third": "http://host:80/x?page=2&max_tokens=3",
        },
        {
            "uri": "http://${host}:${port}/v1",
            "other": "http://host/@scope/name",
            "bad": "http://[half",
        },
        {"uri": "https://host/v1?api_key=${key}", "mail": "ann@host", "ratio": "a://b"},
        {"target": "x", "numbers": [1, 2.5, True], "nested": {"a": {"b": None}}},
    ],
    ids=lambda case: json.dumps(case)[:60],
)
def test_configurations_without_literals_pass(config: dict[str, Any]) -> None:
    assert find_literals(config) == []
    reject_literals(config)


def test_keys_of_mappings_are_checked() -> None:
    assert find_literals({"model": {OPENAI: 1}}) == ["model"]
    with pytest.raises(SecretError) as raised:
        reject_literals({"model": {OPENAI: {"api_key": CANARY}}})
    assert OPENAI not in str(raised.value)
    assert raised.value.places == ["model", f"model.{REDACTED}.api_key"]


def test_every_kind_has_a_remedy() -> None:
    with pytest.raises(SecretError) as raised:
        reject_literals(
            {
                "api_key": CANARY,
                "token": CANARY,
                "secret": "${oc.env:A}",
                "uri": f"http://a:{CANARY}@h",
            }
        )
    assert str(raised.value) == (
        "api_key, token are literal secrets; uri is a URL with credentials; "
        "secret would copy a secret from the environment into the configuration\n"
        "Use a reference, env:NAME, and set the variable: export NAME=...\n"
        "Remove the credentials from the URL, or take all of it from the environment: env:NAME for model.base_url, "
        "${oc.env:NAME} elsewhere."
    )


def test_the_error_does_not_contain_the_value() -> None:
    with pytest.raises(SecretError) as raised:
        reject_literals({"api_key": CANARY})
    assert CANARY not in repr(raised.value.__dict__)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("model.api_key=abc", "model.api_key=[redacted]"),
        ("a={b: 1, api_key: 'abc', c: 2", "a={b: 1, api_key: [redacted], c: 2"),
        ('{"X-Api-Key": "abc", "x": 1}', '{"X-Api-Key": [redacted], "x": 1}'),
        ("headers={X-Team: abc, X-Other: d", "headers={X-Team: [redacted], X-Other: [redacted]"),
        ("api_key=env:NAME", "api_key=env:NAME"),
        ("api_key=${oc.select:x}", "api_key=${oc.select:x}"),
        ("Authorization: Token abc def", "Authorization: [redacted]"),
        ("at https://ann:abc@host/v1 and on", "at https://[redacted] and on"),
        (f"found {OPENAI}.", "found [redacted]."),
        ("max_tokens=abc key=a", "max_tokens=abc key=a"),
        ("signer.inputs={a: double", "signer.inputs={a: double"),
    ],
)
def test_foreign_messages_are_redacted(text: str, shown: str) -> None:
    assert redact_text(text) == shown


def test_values_are_redacted_by_their_key() -> None:
    assert redact_text("abc", "model.api_key") == REDACTED
    assert redact_text("env:A", "model.api_key") == "env:A"
    assert redact_text("abc", "model.name") == "abc"


SHARP = 'p4ss/w:rd+"\\ü&é%'


@pytest.mark.parametrize("value", [CANARY, "abcd", OPENAI, SHARP, "with space", "line\nbreak"])
@pytest.mark.parametrize(
    "form",
    [
        lambda value: value,
        quote,
        lambda value: quote(value, safe=""),
        lambda value: quote(value, safe="").lower() if value.islower() else quote(value, safe=""),
        lambda value: json.dumps(value)[1:-1],
        lambda value: json.dumps(value, ensure_ascii=False)[1:-1],
        lambda value: base64.b64encode(value.encode()).decode(),
        lambda value: base64.urlsafe_b64encode(value.encode()).decode(),
    ],
)
def test_known_values_are_redacted_in_every_encoding(value: str, form: Any) -> None:
    assert redact_values(f"<{form(value)}>", [value]) == f"<{REDACTED}>"


@pytest.mark.parametrize("user", ["", "a", "ab", "ann"])
def test_a_password_in_basic_authorization_is_redacted(user: str) -> None:
    encoded = base64.b64encode(f"{user}:{OPENAI}".encode()).decode()
    left = redact_values(f"Authorization: Basic {encoded}", [OPENAI])
    assert REDACTED in left
    assert len(left) < len("Authorization: Basic ") + len(REDACTED) + 12


def test_short_values_are_not_redacted() -> None:
    assert redact_values("abc abc", ["abc", "", "a"]) == "abc abc"
    assert redact_values("abc", []) == "abc"


def test_longer_values_are_redacted_first() -> None:
    assert redact_values("abcdef abcd", ["abcd", "abcdef"]) == f"{REDACTED} {REDACTED}"


@pytest.mark.slow
def test_long_texts_take_linear_time() -> None:
    texts = ["a" * 200_000, "sk-" * 50_000, "://" * 50_000, "eyJ" + "a." * 50_000, "[" * 100_000, "${" * 50_000, "a:" * 50_000,
             "sk-" + "a-" * 50_000, ("-----BEGIN " + "PRIVATE KEY-----") * 5_000, "A" * 100_000 + "a",
             "Bearer " + "a" * 100_000 + "!", "headers" * 20_000, "sk-proj-".replace("proj", "a" * 9 + "-") * 5_000]  # fmt: skip
    for text in texts:
        start = time.thread_time()
        find_literals({"a": text, "api_key": text, text[:50_000]: 1})
        redact_text(text)
        assert time.thread_time() - start < 10, text[
            :20
        ]  # of this thread only; a quadratic pattern takes minutes


def test_the_repository_contains_no_keys() -> None:
    root = Path(__file__).parents[2]
    folders = ("benchmarks", "conf", "docs", "examples", "src", "tests")
    files = [*root.glob("*.*"), *(path for name in folders for path in (root / name).rglob("*.*"))]
    texts = {
        path: path.read_text()
        for path in files
        if path.suffix in {".md", ".py", ".toml", ".txt", ".yaml"}
    }
    assert len(texts) > 300
    assert [str(path.relative_to(root)) for path, text in texts.items() if contains_key(text)] == []
