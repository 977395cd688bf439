"""Detection of literal secrets in configurations, and redaction of known secrets in texts.

Secrets are given as references (`env:NAME`). Literal values are rejected before anything is stored.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, NamedTuple
from urllib.parse import quote, quote_plus

from modelpact.errors import SecretError
from modelpact.security.credentials import contains_key, is_secret_name
from modelpact.security.references import (
    REDACTED,
    REMEDY,
    is_harmless,
    reads_environment,
    referenced_variable,
    remember_variables,
    resolve,
)
from modelpact.security.url_credentials import URL_PATTERN, has_credentials

__all__ = [
    "REDACTED",
    "contains_key",
    "encoded_forms",
    "find_literals",
    "is_secret_name",
    "join_keys",
    "literal_error",
    "redact_values",
    "referenced_variable",
    "reject_literals",
    "resolve",
]

_MIN_REDACTED_LENGTH = 4
"""Characters of a value; shorter ones would be found everywhere."""

_MIN_BASE64_LENGTH = 6

_Kind = Literal["", "literal", "format", "url", "environment"]

_Context = Literal["", "name", "headers", "lines"]
"""What a value is nested under: the name of a secret, a mapping of headers, or header lines."""


class _Found(NamedTuple):
    place: str
    kind: _Kind


def find_literals(config: Mapping[str, object], place: str = "") -> list[str]:
    """Return the places of literal secrets in a configuration: `model.fallbacks.0.api_key`.

    A literal secret is a value under the name of a credential, a value in the format of a
    well-known key, every value in a mapping of headers, or a URL with credentials. An interpolation
    of OmegaConf is not a secret, unless it copies one from the environment.

    Args:
        config: Plain nested data, with interpolations unresolved.
        place: The place of the configuration, put before each result.
    """
    return [found.place for found in _find(config, place)]


def reject_literals(config: Mapping[str, object], place: str = "", source: str = "") -> None:
    """Reject a configuration with literal secrets.

    Args:
        config: Plain nested data, with interpolations unresolved.
        place: The place of the configuration.
        source: The source of the configuration, such as a file.

    Raises:
        SecretError: There are literal secrets. It names their places and no values.
    """
    found = _find(config, place)
    if found:
        raise _secret_error(found, source)


def literal_error(places: list[str], source: str = "") -> SecretError:
    """Create the error about literal secrets that were found by other means.

    Args:
        places: Their places.
        source: The source, such as a file.
    """
    return _secret_error([_Found(place, "literal") for place in places], source)


def redact_values(text: str, values: Iterable[str]) -> str:
    """Redact given secrets in a text, also if they are URL-encoded, in base64, or escaped for JSON.

    Values shorter than four characters are not redacted.

    Example:
        >>> redact_values("key s3cr3t!, s3cr3t%21", ["s3cr3t!"])
        'key [redacted], [redacted]'
    """
    long_enough = (value for value in values if len(value) >= _MIN_REDACTED_LENGTH)
    forms = {form for value in long_enough for form in encoded_forms(value)}
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, REDACTED)
    return text


def encoded_forms(value: str) -> Iterator[str]:
    """Yield the forms in which a value may stand in a text.

    These are the value itself, and its forms in a URL, in JSON, in Python, in HTML, in hex, and in
    base64, alone or within a longer text.

    Example:
        >>> "czNjcjN0IQ==" in encoded_forms("s3cr3t!"), "s3cr3t%21" in encoded_forms("s3cr3t!")
        (True, True)
    """
    # Few processes need it.
    import html

    yield value
    for quoted in (quote(value), quote(value, safe=""), quote_plus(value)):
        yield quoted
        yield re.sub(r"%[0-9A-F]{2}", lambda match: match[0].lower(), quoted)
    for escaped in (json.dumps(value), json.dumps(value, ensure_ascii=False), repr(value)):
        yield escaped[1:-1]
        yield escaped[1:-1].replace("/", "\\/")
    yield html.escape(value)
    data = value.encode("utf-8", "surrogateescape")
    yield from (data.hex(), data.hex().upper())
    for form in _base64_forms(data):
        if len(form) >= _MIN_BASE64_LENGTH:
            yield form
            yield form.replace("+", "-").replace("/", "_")


def _base64_forms(data: bytes) -> Iterator[str]:
    yield base64.b64encode(data).decode()
    # Within a longer text, such as user:password, the data start at any of three offsets. The
    # characters that also encode its neighbours are left out.
    for offset in range(3):
        text = base64.b64encode(b"\0" * offset + data).decode().rstrip("=")
        if offset == 0:
            yield text
        yield text[(0, 2, 3)[offset] : len(text) - bool((offset + len(data)) % 3)]


_REMEDIES: dict[_Kind, str] = {
    "url": "Remove the credentials from the URL, or take all of it from the environment: "
    "env:NAME for model.base_url, ${oc.env:NAME} elsewhere.",
    "format": "If it only looks like a key, as a file name may, rename it or write ${oc.env:NAME}.",
}
_PHRASES: dict[_Kind, tuple[str, str]] = {
    "literal": ("is a literal secret", "are literal secrets"),
    "format": ("has the format of a key", "have the format of keys"),
    "url": ("is a URL with credentials", "are URLs with credentials"),
    "environment": ("would copy a secret from the environment into the configuration",) * 2,
}


def _secret_error(found: list[_Found], source: str) -> SecretError:
    kinds = {item.kind for item in found}
    phrases = []
    for kind, (singular, plural) in _PHRASES.items():
        if places := [item.place for item in found if item.kind == kind]:
            phrases.append(f"{', '.join(places)} {singular if len(places) == 1 else plural}")
    remedies = [REMEDY] * bool(kinds - {"url"})
    remedies += [remedy for kind, remedy in _REMEDIES.items() if kind in kinds]
    text = "; ".join(phrases) + (f" ({source})" if source else "")
    return SecretError(text, remedy="\n".join(remedies), places=[item.place for item in found])


def _find(config: Mapping[str, object], place: str) -> list[_Found]:
    return list(dict.fromkeys(_walk(config, place, "", "")))


def _walk(value: object, place: str, name: str, context: _Context) -> Iterator[_Found]:
    if isinstance(value, Mapping):
        yield from _walk_mapping(value, place, name, context)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for index, item in enumerate(value):
            yield from _walk(item, join_keys(place, index), name, context)
    else:
        kind = _classify(value, context)
        if kind:
            yield _Found(place or "the value", kind)


def _walk_mapping(
    mapping: Mapping[object, object], place: str, name: str, context: _Context
) -> Iterator[_Found]:
    # {name: api_key, value: ...}
    label = mapping.get("name", mapping.get("key"))
    has_secret_label = isinstance(label, str) and is_secret_name(label)
    for key, item in zip(map(str, mapping), mapping.values(), strict=True):
        shown = key
        if contains_key(key):
            shown = REDACTED
            yield _Found(place or REDACTED, "literal")
        inner = _inner_context(key, item, name, context)
        if key == "value" and has_secret_label:
            inner = "name"
        yield from _walk(item, join_keys(place, shown), key, inner)


def join_keys(place: str, key: object) -> str:
    """Return the dotted place of a key; the place of the root is empty."""
    return f"{place}.{key}" if place else str(key)


def _inner_context(key: str, item: object, parent: str, context: _Context) -> _Context:
    if context == "headers" or re.search(r"headers\.[^.]+$", key, re.IGNORECASE):
        return "headers"
    if is_secret_name(key) or is_secret_name(f"{parent} {key}"):
        return "name"
    if re.search(r"headers$", key, re.IGNORECASE):
        return "headers" if isinstance(item, Mapping) else "lines"
    return "name" if context == "name" and key.lower() in {"default", "key", "value"} else ""


def _classify(value: object, context: _Context) -> _Kind:
    """Return the kind of secret that a scalar is, or an empty string."""
    if value is None or (isinstance(value, bool) and context != "headers"):
        return ""
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    if not context and not isinstance(text, str):
        return ""
    return _classify_text(str(text), context)


def _classify_text(text: str, context: _Context) -> _Kind:
    remember_variables(text)
    if contains_key(text):
        return "literal" if context else "format"
    if any(has_credentials(url) for url in URL_PATTERN.findall(text)):
        return "url"
    if not context or (context == "lines" and ":" not in text):
        return ""
    if reads_environment(text):
        return "environment"
    return "" if is_harmless(text) else "literal"
