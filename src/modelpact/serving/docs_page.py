"""Renders the OpenAPI document as an HTML page with a form per route.

The page does not load anything from other servers, unlike FastAPI's own pages.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Template

__all__ = ["page_headers", "render_docs_page"]


@functools.cache
def page_headers() -> dict[str, str]:
    """Return the headers of the page: only its own style and script may run."""
    policy = {
        "default-src": "'none'",
        "style-src": _hash_source("docs_page.css"),
        "script-src": _hash_source("docs_page.js"),
        "connect-src": "'self'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    rules = (f"{directive} {source}" for directive, source in policy.items())
    return {"content-security-policy": "; ".join(rules)}


def _hash_source(name: str) -> str:
    digest = hashlib.sha256(_read(name).encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


@functools.cache
def _read(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


@functools.cache
def _load_template() -> Template:
    from jinja2 import Environment

    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(_read("docs_page.html.jinja"))


def render_docs_page(document: dict[str, Any]) -> str:
    """Return an OpenAPI document as HTML.

    Example:
        >>> "<h1>houses</h1>" in render_docs_page({"info": {"title": "houses"}, "paths": {}})
        True
    """
    routes = [
        _describe_route(path, method, operation)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    ]
    return _load_template().render(
        info=document.get("info", {}),
        routes=routes,
        style=_read("docs_page.css"),
        script=_read("docs_page.js"),
    )


def _describe_route(path: str, method: str, operation: dict[str, Any]) -> dict[str, Any]:
    """Return the variables of a route in the template."""
    body = operation.get("requestBody", {}).get("content", {})
    responses = operation.get("responses", {})
    success = responses.get("200", {}).get("content", {})
    json_body = body.get("application/json")
    return {
        "path": path,
        "method": method.upper(),
        "description": operation.get("description", operation.get("summary", "")),
        "example": None if json_body is None else _to_text(json_body.get("example", {})),
        "schemas": [
            (f"{title} as {media_type}", _to_text(content["schema"]))
            for title, contents in (("Request", body), ("Response", success))
            for media_type, content in contents.items()
            if content.get("schema")
        ],
        "responses": sorted(responses.items()),
    }


def _to_text(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
