"""Hostile requests get the right status, and none of their data is returned or logged."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from modelpact.loaders import Adapter
from modelpact.serving.http_errors import ERROR_SCHEMA, STATUS_DESCRIPTIONS
from tests.support.many_cases import sample_params
from tests.support.served_models import PERSON, create_client, post

CANARY = "CANARY-5f3a"
ROW = {"a": 1.0, "b": 3.0, "n": 1}
MANY = 10_000_000


def table(**changed: Any) -> str:
    """A request with one row that is changed."""
    return json.dumps({"inputs": [ROW | changed]})


def raw(value: str, name: str = "a") -> str:
    """A request with a value as it is written."""
    return json.dumps({"inputs": [ROW | {name: "@"}]}).replace('"@"', value)


def person(**changed: Any) -> str:
    """A nested row that is changed."""
    return json.dumps({"inputs": [PERSON | changed]})


JSON = "application/json"
TABLE: list[tuple[str, str | bytes, int]] = [
    ("empty body", "", 400),
    ("blank body", " \n", 400),
    ("null body", "null", 422),
    ("a number", "3", 422),
    ("a text", f'"{CANARY}"', 422),
    ("a list", f'["{CANARY}"]', 422),
    ("half an object", '{"inputs": [', 400),
    ("two objects", table() + table(), 400),
    ("a comment", "/* " + CANARY + " */" + table(), 400),
    ("a trailing comma", '{"inputs": [],}', 400),
    ("single quotes", "{'inputs': []}", 400),
    ("not JSON at all", f"<xml>{CANARY}</xml>", 400),
    ("pickle", b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00\x8c\x07CANARY\x94.", 400),
    ("a control character", '{"inputs": "\x01' + CANARY + '"}', 400),
    ("a byte order mark", b"\xef\xbb\xbf" + table().encode(), 200),
    ("UTF-16", table().encode("utf-16"), 400),
    ("no UTF-8", b'{"inputs": [{"a": "\xff\xfe' + CANARY.encode() + b'"}]}', 400),
    ("half a character", raw('"\\ud800' + CANARY + '"'), 400),
    ("half a character as a key", '{"inputs": [{"\\udfff": 1}]}', 400),
    ("a NUL", raw('"\\u0000' + CANARY + '"'), 422),
    ("NaN", raw("NaN"), 400),
    ("Infinity", raw("-Infinity"), 400),
    ("Infinity as a number", raw("1e400"), 400),
    ("Infinity by digits", raw("9" * 400 + ".5"), 400),
    ("5,000 digits", raw("1" * 5000), 400),
    ("4,000 digits", raw("1" * 4000), 422),
    ("2**63", raw(str(2**63), "n"), 422),
    ("2**53 + 1 as a double", raw(str(2**53 + 1)), 422),
    ("a fraction for a whole number", table(n=1.5), 422),
    ("a boolean for a number", table(a=True), 422),
    ("a text for a number", table(a=CANARY), 422),
    ("a number as text", table(a="1.0"), 422),
    ("a list for a number", table(a=[CANARY]), 422),
    ("an object for a number", table(a={CANARY: 1}), 422),
    ("null for a whole number", table(n=None), 422),
    ("a key twice", '{"inputs": [], "inputs": []}', 400),
    ("a column twice", '{"inputs": [{"a": 1, "a": 2, "b": 1, "n": 1}]}', 400),
    ("unknown keys", json.dumps({"inputs": [ROW], CANARY: 1}), 422),
    ("no inputs", json.dumps({"params": {}}), 422),
    ("no rows", '{"inputs": []}', 422),
    ("an empty row", '{"inputs": [{}]}', 422),
    ("null rows", '{"inputs": [null, null]}', 422),
    ("inputs null", '{"inputs": null}', 422),
    ("inputs a text", json.dumps({"inputs": CANARY}), 422),
    ("inputs an object", json.dumps({"inputs": ROW}), 422),
    ("rows that are lists", '{"inputs": [[1, 2, 3]]}', 422),
    ("rows of two kinds", json.dumps({"inputs": [ROW, [1, 2], CANARY]}), 422),
    ("a missing column", json.dumps({"inputs": [{"a": 1, CANARY: 2}]}), 422),
    ("a mistyped column", json.dumps({"inputs": [{"A": 1, "b": 2, "n": 1}]}), 422),
    (
        "columns that are not asked for",
        json.dumps({"inputs": [ROW | {f"{CANARY}{i}": i for i in range(5000)}]}),
        200,
    ),
    (
        "__proto__ and __class__",
        json.dumps({"inputs": [ROW | {"__class__": CANARY, "__proto__": {}}]}),
        200,
    ),
    ("params of an unknown name", json.dumps({"inputs": [ROW], "params": {CANARY: 1}}), 422),
    ("params a list", json.dumps({"inputs": [ROW], "params": [CANARY]}), 422),
    ("params a text", json.dumps({"inputs": [ROW], "params": CANARY}), 422),
    ("nested deeply", '{"inputs":' + "[" * 100_000 + "]" * 100_000 + "}", 400),
    ("nested deeply as objects", '{"inputs":' + '{"a":' * 50_000 + "1" + "}" * 50_000 + "}", 400),
    ("nested as deep as can be read", raw("[" * 900 + "]" * 900), 422),
    ("20,000 rows", json.dumps({"inputs": [ROW] * 20_000}), 200),
    ("20,000 bad rows", json.dumps({"inputs": [ROW | {"a": CANARY}] * 20_000}), 422),
    ("a cell of 9 MB", table(a=CANARY * 800_000), 422),
    ("a cell of 10 MB", table(a="x" * MANY), 413),
    ("a key of 9 MB", json.dumps({"inputs": [ROW | {CANARY * 800_000: 1}]}), 200),
    ("a body of blanks", " " * (MANY + 1), 413),
]

NESTED: list[tuple[str, str, int]] = [
    ("a map with a wrong value", person(scores={CANARY: "x"}), 422),
    ("a map with null", person(scores={CANARY: None}), 422),
    ("an unknown property", person(home={"city": "x", CANARY: 1}), 422),
    ("a list with another type", person(tags=["a", [CANARY]]), 422),
    ("ragged lists", person(lucky=[[1], [2, 3]]), 422),
    ("null for a list", person(tags=None), 422),
    ("a day that is none", person(born=f"2023-02-30 {CANARY}"), 422),
    ("a day beyond all", person(born="99999-01-01"), 422),
    ("deep where a text is", person(name=[[[[CANARY]]]]), 422),
    (
        "a param of a wrong type",
        json.dumps({"inputs": [PERSON], "params": {"factor": CANARY}}),
        422,
    ),
    (
        "a param of wrong items",
        json.dumps({"inputs": [PERSON], "params": {"labels": [1, CANARY]}}),
        422,
    ),
    ("characters beyond the first plane", person(name="\U0001f600" * 10), 200),
]

TENSOR: list[tuple[str, str, int]] = [
    ("ragged", '{"inputs": {"left": [[1, 2], [3]], "right": [[1, 2], [3, 4]]}}', 422),
    ("of another width", '{"inputs": {"left": [[1, 2, 3]], "right": [[1, 2, 3]]}}', 422),
    ("of texts", json.dumps({"inputs": {"left": [[CANARY, "x"]], "right": [[1, 2]]}}), 422),
    ("one is missing", json.dumps({"inputs": {"left": [[1, 2]], CANARY: [[1, 2]]}}), 422),
    ("null in it", '{"inputs": {"left": [[null, 2]], "right": [[1, 2]]}}', 200),
    (
        "nested too deeply",
        '{"inputs": {"left": ' + "[" * 60 + "]" * 60 + ', "right": [[1, 2]]}}',
        422,
    ),
    (
        "deep enough to overflow",
        '{"inputs": {"left": ' + "[" * 900 + "]" * 900 + ', "right": [[1, 2]]}}',
        422,
    ),
]

HEADERS: list[tuple[str, str | None, dict[str, str], int]] = [
    ("no content type", None, {}, 415),
    ("an empty content type", "", {}, 415),
    ("text", "text/plain", {}, 415),
    ("a form", "application/x-www-form-urlencoded", {}, 415),
    ("several parts", f"multipart/form-data; boundary={CANARY}", {}, 415),
    ("CSV where there is none", "text/csv", {}, 415),
    ("another charset", "application/json; charset=latin-1", {}, 415),
    ("an unknown charset", f"application/json; charset={CANARY}", {}, 415),
    ("two charsets", "application/json; charset=utf-8; charset=utf-16", {}, 415),
    ("compressed", JSON, {"content-encoding": "gzip"}, 415),
    ("UTF-8, said in many ways", 'Application/JSON ; Charset="UTF-8"; x=y', {}, 200),
    ("a length that is none", JSON, {"content-length": "\u00b2"}, 200),
    ("a length of 5,000 digits", JSON, {"content-length": "9" * 5000}, 413),
]


@pytest.fixture(autouse=True)
def no_data_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Check that no log contains data of a client."""
    caplog.set_level(0)
    yield
    assert "CANARY" not in caplog.text


def assert_response(response: Any, wanted: int) -> None:
    """Check the status and the body of a response, which contains no data of the request."""
    from jsonschema import Draft202012Validator

    assert response.status_code == wanted, response.text[:500]
    assert "CANARY" not in response.text
    assert "CANARY" not in str(response.headers)
    assert len(response.content) < 10_000 or wanted == 200
    if wanted != 200:
        assert wanted in STATUS_DESCRIPTIONS
        assert set(response.json()) - {"error_code", "message", "failures", "total"} == set()
        Draft202012Validator(ERROR_SCHEMA).validate(response.json())


@pytest.mark.parametrize(
    ("body", "wanted"),
    sample_params([case[1:] for case in TABLE], every=3),
    ids=[case[0] for case in TABLE],
)
def test_a_table(table: Adapter, body: str | bytes, wanted: int) -> None:
    assert_response(post(create_client(table), "/predict", body), wanted)


@pytest.mark.parametrize(
    ("body", "wanted"), [case[1:] for case in TABLE[:30]], ids=[case[0] for case in TABLE[:30]]
)
def test_mlflows_protocol(table: Adapter, body: str | bytes, wanted: int) -> None:
    if body in (raw("NaN"), raw("-Infinity")):
        # MLflow's protocol has both; this model raises on them.
        wanted = 502
    assert_response(post(create_client(table), "/invocations", body), wanted)


@pytest.mark.parametrize(
    ("body", "wanted"), [case[1:] for case in NESTED], ids=[case[0] for case in NESTED]
)
def test_nested_values(nested: Adapter, body: str, wanted: int) -> None:
    response = post(create_client(nested), "/predict", body)
    if wanted == 200:
        assert response.status_code == 200, response.text
    else:
        assert_response(response, wanted)


@pytest.mark.parametrize(
    ("body", "wanted"), [case[1:] for case in TENSOR], ids=[case[0] for case in TENSOR]
)
def test_tensors(tensor: Adapter, body: str, wanted: int) -> None:
    assert_response(post(create_client(tensor), "/predict", body), wanted)


@pytest.mark.parametrize(
    ("kind", "headers", "wanted"), [case[1:] for case in HEADERS], ids=[case[0] for case in HEADERS]
)
def test_headers(table: Adapter, kind: str | None, headers: dict[str, str], wanted: int) -> None:
    sent: Any = {name: value.encode("latin-1") for name, value in headers.items()}
    assert_response(
        post(create_client(table), "/predict", json.dumps({"inputs": [ROW]}), kind, **sent), wanted
    )


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (f"{CANARY}\n1\n", 422),
        (f"a,b,n\n{CANARY},2,3\n", 422),
        (f"a,b,n\n1,2,3,{CANARY}\n", 400),
        (f'a,b,n\n"{CANARY}', 400),
        (b"a,b,n\n\xff" + CANARY.encode() + b",1,1\n", 400),
        (f"a,b,n\n\x00{CANARY},1,1\n", 422),
        ("a,b,n\n" + "1" * 5000 + ",1,1\n", 422),
        ("a,b,n\n1,1," + "1" * 30 + "\n", 422),
        ("a,b,n\n" + "1,2,3\n" * 20_000, 200),
        ("a,b,n\n" + "x" * 200_000 + ",1,1\n", 400),
        ("a" * (MANY + 1), 413),
    ],
)
def test_csv(table: Adapter, body: str | bytes, wanted: int) -> None:
    assert_response(post(create_client(table), "/invocations", body, "text/csv"), wanted)


def test_deeply_nested_values_of_any_type() -> None:
    """Inputs too deep for the checks are rejected, not reported as a server error."""
    from modelpact.signature import parse
    from serving_models import Nulls
    from tests.support.served_models import save_and_load

    adapter = save_and_load(
        Nulls(), parse({"inputs": {"a": "double", "x?": "any"}, "outputs": ["long"]}), [{"a": 1.0}]
    )
    http = create_client(adapter)
    for depth in (10, 100, 300, 450, 600, 900, 960, 990, 5000):
        body = f'{{"inputs": [{{"a": 1, "x": {"[" * depth}{"]" * depth}}}]}}'
        assert post(http, "/predict", body).status_code in {200, 400}, depth
