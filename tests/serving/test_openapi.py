"""The OpenAPI document matches the behaviour of the server."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from modelpact.loaders import Adapter
from modelpact.serving import create_app
from modelpact.serving.http_errors import ERROR_SCHEMA, STATUS_DESCRIPTIONS
from tests.support.fake_chat_server import ChatServer, echo
from tests.support.served_models import create_client, post

ROOT = Path(__file__).parents[2]


@pytest.fixture(params=["table", "tensor", "nested", "hinted"])
def adapter(request: pytest.FixtureRequest) -> Adapter:
    """Each model in turn."""
    found: Adapter = request.getfixturevalue(request.param)
    return found


def schema_of(document: dict[str, Any], path: str, status: str = "200") -> dict[str, Any]:
    """The schema of a response."""
    found: dict[str, Any] = document["paths"][path]["post"]["responses"][status]["content"][
        "application/json"
    ]["schema"]
    return found


def test_every_example_is_accepted_and_its_response_conforms(adapter: Adapter) -> None:
    http = create_client(adapter)
    document = http.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    for path in ("/predict", "/invocations"):
        content = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]
        Draft202012Validator.check_schema(content["schema"])
        Draft202012Validator(content["schema"]).validate(content["example"])
        response = post(http, path, content["example"])
        assert response.status_code == 200, response.text
        schema = schema_of(document, path)
        Draft202012Validator.check_schema(schema)
        Draft202012Validator(schema).validate(response.json())


def test_every_status_is_declared_with_its_body(adapter: Adapter) -> None:
    document = create_app(adapter).openapi()
    for path in ("/predict", "/invocations"):
        operation = document["paths"][path]["post"]["responses"]
        assert set(operation) == {"200", *map(str, STATUS_DESCRIPTIONS)}
        assert all(
            schema_of(document, path, str(status)) == ERROR_SCHEMA for status in STATUS_DESCRIPTIONS
        )
        assert all(
            operation[str(status)]["description"] == meaning
            for status, meaning in STATUS_DESCRIPTIONS.items()
        )


def test_responses_of_the_other_routes_conform(table: Adapter) -> None:
    http = create_client(table)
    document = http.get("/openapi.json").json()
    gets = [path for path, methods in document["paths"].items() if "get" in methods]
    assert set(gets) == {"/ping", "/health", "/version", "/signature", "/metrics"}
    for path in gets:
        response = http.get(path)
        (kind,) = document["paths"][path]["get"]["responses"]["200"]["content"]
        assert response.headers["content-type"].startswith(kind), path


def test_names_and_types_match_the_contract(nested: Adapter) -> None:
    document = create_app(nested).openapi()
    body = document["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"][
        "schema"
    ]
    row = body["properties"]["inputs"]["items"]
    assert set(row["properties"]) == {"name", "tags", "scores", "home", "born", "lucky"}
    assert set(row["required"]) == {"name", "tags", "scores", "home"}
    assert row["properties"]["home"]["required"] == ["city"]
    assert body["properties"]["params"]["properties"]["factor"]["default"] == 1.0


def test_a_chat_model_declares_its_stream(make_chat_adapter: Callable[..., Adapter]) -> None:
    with ChatServer(echo()) as server:
        document = create_client(make_chat_adapter(server)).get("/openapi.json").json()
    assert set(document["paths"]["/predict/stream"]["post"]["responses"]["200"]["content"]) == {
        "text/event-stream"
    }


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.links: list[str] = []

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value or "" for name, value in attrs if name in {"href", "src", "action"}]


def test_the_docs_page_needs_no_network(nested: Adapter) -> None:
    response = create_client(nested).get("/docs")
    assert response.headers["content-type"].startswith("text/html")
    page = _Page()
    page.feed(response.text)
    assert set(page.links) == {"openapi.json", "data:,"}
    assert not re.search(r"https?://(?!json-schema\.org)", response.text)
    assert {"/predict", "/invocations", "/ping"} <= {text.strip() for text in page.texts}
    assert any('"Anne"' in text for text in page.texts)  # the example, to be sent
    assert "default-src 'none'" in response.headers["content-security-policy"]


def test_the_docs_page_escapes_the_contract() -> None:
    from modelpact.serving.docs_page import render_docs_page

    evil = "</script><img src=x onerror=alert(1)>"
    schema = {"properties": {evil: {"type": "string"}}}
    operation = {
        "summary": evil,
        "requestBody": {"content": {"application/json": {"schema": schema, "example": evil}}},
    }
    text = render_docs_page(
        {"info": {"title": evil, "description": evil}, "paths": {f"/{evil}": {"post": operation}}}
    )
    assert "<img" not in text


def test_documented_statuses_match_the_server() -> None:
    text = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")
    found = {
        int(status): meaning
        for status, meaning in re.findall(r"^\| `(\d{3})` \| ([^|]+) \|", text, re.MULTILINE)
    }
    assert found == STATUS_DESCRIPTIONS
