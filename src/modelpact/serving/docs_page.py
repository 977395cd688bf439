"""The page of an application: its OpenAPI document for people, with a form to try each route; it loads nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import json
from html import escape
from typing import Any

__all__ = ["PAGE_HEADERS", "page"]

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; overflow-wrap: anywhere; }
details { border: 1px solid #8886; border-radius: 6px; margin: .6rem 0; padding: .5rem .9rem; }
summary { cursor: pointer; }
summary b { display: inline-block; min-width: 3.2rem; }
pre, textarea { font: 13px/1.45 ui-monospace, monospace; box-sizing: border-box; width: 100%; max-height: 24rem; overflow: auto; }
pre { background: #8881; padding: .6rem; border-radius: 4px; white-space: pre-wrap; overflow-wrap: anywhere; }
table { border-collapse: collapse; }
td, th { text-align: left; padding: .15rem 1rem .15rem 0; vertical-align: top; }
button { font: inherit; padding: .2rem 1rem; }
"""

_SCRIPT = """
for (const form of document.querySelectorAll("form")) form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const shown = form.querySelector("output"), text = form.querySelector("textarea");
  shown.innerHTML = "";
  const pre = shown.appendChild(document.createElement("pre"));
  pre.textContent = "...";
  const asked = text ? { method: form.dataset.method, body: text.value, headers: { "content-type": "application/json" } } : {};
  try {
    const began = performance.now(), answer = await fetch(form.dataset.path, asked), body = await answer.text();
    let found = body;
    try { found = JSON.stringify(JSON.parse(body), null, 2); } catch { }
    pre.textContent = `${answer.status} ${answer.statusText} (${Math.round(performance.now() - began)} ms)\\n${found}`;
  } catch (error) { pre.textContent = `no answer: ${error.message}`; }
});
"""


def _hashed(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


PAGE_HEADERS = {
    "content-security-policy": f"default-src 'none'; style-src {_hashed(_STYLE)}; script-src {_hashed(_SCRIPT)}; "
    "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}
"""What goes with the page: nothing but its own style and script is let in, and it asks no server but its own."""


def page(document: dict[str, Any]) -> str:
    """The page of an OpenAPI document, as HTML.

    Example:
        >>> "<h1>houses</h1>" in page({"info": {"title": "houses"}, "paths": {}})
        True
    """
    info = document.get("info", {})
    title = escape(str(info.get("title", "")))
    routes = "".join(
        _route(path, method, told)
        for path, methods in document["paths"].items()
        for method, told in methods.items()
    )
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<title>{title}</title><link rel="icon" href="data:,"><style>{_STYLE}</style></head><body><h1>{title}</h1>'
        f"<p>{escape(str(info.get('description', '')))} modelpact {escape(str(info.get('version', '')))}. "
        f'For programs: <a href="openapi.json">openapi.json</a>.</p>{routes}<script>{_SCRIPT}</script></body></html>'
    )


def _route(path: str, method: str, told: dict[str, Any]) -> str:
    content = told.get("requestBody", {}).get("content", {})
    asked = content.get("application/json")
    example = "" if asked is None else escape(_text(asked.get("example", {})))
    form = f'<textarea rows="{min(example.count(chr(10)) + 1, 18)}" spellcheck="false" aria-label="body">{example}</textarea>'
    statuses = "".join(
        f"<tr><th>{escape(str(status))}</th><td>{escape(str(found.get('description', '')))}</td></tr>"
        for status, found in sorted(told.get("responses", {}).items())
    )
    answers = told.get("responses", {}).get("200", {}).get("content", {})
    schemas = "".join(
        f"<details><summary>{what} as {escape(kind)}</summary><pre>{escape(_text(found['schema']))}</pre></details>"
        for what, kinds in (("Body", content), ("Answer", answers))
        for kind, found in kinds.items()
        if found.get("schema")
    )
    opened = " open" if path.endswith("/predict") else ""
    return (
        f"<details{opened}><summary><b>{escape(method.upper())}</b> <code>{escape(path)}</code></summary>"
        f"<p>{escape(str(told.get('description', told.get('summary', ''))))}</p>"
        f'<form data-method="{escape(method.upper())}" data-path="{escape(path.lstrip("/"))}">{form if asked is not None else ""}'
        f"<p><button>Send</button></p><output></output></form>{schemas}<table>{statuses}</table></details>"
    )


def _text(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
