"""Keys are named, never written: `env:NAME` stands where a key would, and a literal one is found before it is kept anywhere."""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, quote, quote_plus, urlsplit

from modelpact.errors import ModelConfigError, SecretError
from modelpact.security.credentials import contains_key, is_secret_name, redact_keys

__all__ = [
    "REDACTED",
    "URL_PATTERN",
    "contains_key",
    "encoded_forms",
    "find_literals",
    "is_harmless",
    "is_secret_name",
    "is_sensitive",
    "literal_error",
    "redact_text",
    "redact_values",
    "referenced_variable",
    "reject_literals",
    "resolve",
    "url_credentials",
]

REDACTED = "[redacted]"

_REFERENCE = re.compile(r"env:([A-Za-z_][A-Za-z0-9_]*)|\$\{([A-Za-z_][A-Za-z0-9_]*)\}")

_INTERPOLATION = re.compile(r"\$\{[^{}]*(?:\$\{[^{}]*\}[^{}]*)*\}")
_FROM_ENVIRONMENT = re.compile(r"\$\{\s*(?:oc\.)?env\s*:")
_TYPE = re.compile(
    r"\[*(?:boolean|integer|long|float|double|string|binary|datetime|any)\]*(?:\s*=\s*(?:null|''|\"\"|\[\]|-?[0-9.]+)?)?"
    r"|[a-z]+\d*\[[-\d, ]*\]"
)
"""How a written signature declares a column that happens to be called `token` or `password`."""

URL_PATTERN = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,30}://[^\s'\"<>]*")
_PAIR = re.compile(
    r"(?<![\w.-])(?P<name>[\w.-]+)(?P<between>['\"]?\s*[:=]\s*)(?P<value>\$\{[^{}]*\}|[^,{}\[\]\n]+)"
)
_HEADERS = re.compile(r"headers['\"]?\s*[:=]", re.IGNORECASE)

_SIGNED = frozenset({"sig", "signature", "x-amz-signature", "x-goog-signature"})
"""Query parameters that grant access to an address."""


class _Found(NamedTuple):
    place: str
    kind: str  # "literal", "url" or "environment"


def referenced_variable(text: str) -> str | None:
    """The name of the environment variable that a reference names; None for anything else.

    Example:
        >>> referenced_variable("env:OPENAI_API_KEY"), referenced_variable("${OPENAI_API_KEY}"), referenced_variable("abc")
        ('OPENAI_API_KEY', 'OPENAI_API_KEY', None)
    """
    match = _REFERENCE.fullmatch(text) if isinstance(text, str) else None
    return (match[1] or match[2]) if match else None


def resolve(text: str, place: str) -> str:
    """The value of the environment variable that a reference names.

    Args:
        text: The reference: `env:NAME`.
        place: Where it stands, for messages: `model.api_key`.

    Raises:
        SecretError: The text is no reference; the message does not repeat it.
        ModelConfigError: The variable is not set, is empty, or begins or ends with a blank.
    """
    name = referenced_variable(text)
    if name is None:
        raise SecretError(
            f"{place} is no reference to an environment referenced_variable",
            remedy=_REMEDY,
            places=[place],
        )
    value = os.environ.get(name, "")
    if not value:
        state = "is empty" if name in os.environ else "is not set"
        raise ModelConfigError(
            f"{place}: the variable {name} {state}",
            remedy=f"export {name}=...",
            variable=name,
            place=place,
        )
    if value != value.strip():
        raise ModelConfigError(
            f"{place}: the value of {name} begins or ends with a blank or a line break, as pasted ones do",
            remedy=f"Set it again without: export {name}=...",
            variable=name,
            place=place,
        )
    return value


def find_literals(config: Mapping[str, Any], place: str = "") -> list[str]:
    """The places where a configuration holds a secret itself, not a reference to one: `model.fallbacks.0.api_key`.

    Such are a value under the name of a credential, a value of a key's well-known form, every value in a mapping of headers, and
    an address with a password or a key in it. A whole interpolation of OmegaConf is none, unless it would bring a key from the
    environment into the configuration.

    Args:
        config: Plain nested data, with interpolations as they are written.
        place: Where it stands; put before each place.
    """
    return [found.place for found in _all(config, place)]


def reject_literals(config: Mapping[str, Any], place: str = "", source: str = "") -> None:
    """Refuse a configuration that holds a secret itself.

    Args:
        config: Plain nested data, with interpolations as they are written.
        place: Where it stands; put before each place.
        source: Where it comes from, such as a file.

    Raises:
        SecretError: It names every place, in `places` too, and no value.
    """
    found = _all(config, place)
    if found:
        raise _refusal(found, source)


def literal_error(places: list[str], source: str = "") -> SecretError:
    """The error for secrets that were found otherwise.

    Args:
        places: Where they stand.
        source: Where that comes from, such as a file.
    """
    return _refusal([_Found(place, "literal") for place in places], source)


def redact_text(text: str, key: str = "") -> str:
    """A text of somebody else's, such as an error that quotes its input, with what may be a secret left out.

    Args:
        text: What is to be shown.
        key: What it is the value of, where that is known.

    Example:
        >>> redact_text("no viable alternative at input '{api_key: abc'")
        "no viable alternative at input '{api_key: [redacted]"
    """
    if key and is_secret_name(key) and not is_harmless(text):
        return REDACTED
    text = redact_keys(text, REDACTED)
    text = URL_PATTERN.sub(
        lambda match: (
            f"{match[0].partition('://')[0]}://{REDACTED}"
            if _has_credentials(match[0])
            else match[0]
        ),
        text,
    )
    headers = _HEADERS.search(text)
    start = headers.start() if headers else len(text)

    def hidden(match: re.Match[str]) -> str:
        secret = is_secret_name(match["name"]) or match.start() > start
        shown = match["value"].strip(" '\"")
        return (
            match[0]
            if not secret or is_harmless(shown)
            else f"{match['name']}{match['between']}{REDACTED}"
        )

    return _PAIR.sub(hidden, text)


def is_sensitive(place: Iterable[str], value: object) -> bool:
    """Whether a value is better not shown: one under a secret's name, a header, a server's address, or one that holds a secret.

    Args:
        place: The names above it, from the outermost to its own.
        value: The value, whatever it is.

    Example:
        >>> is_sensitive(["headers", "X-Team"], "env:TEAM"), is_sensitive(["alpha"], 0.5)
        (True, False)
    """
    names = list(place)
    known = any(
        is_secret_name(name) or name == "base_url" or name.lower().endswith("headers")
        for name in names
    )
    return known or bool(find_literals({"value": value}))


def redact_values(text: str, values: Iterable[str]) -> str:
    """A text with each of these secrets replaced, also where it is quoted for an address, in base64 or escaped for JSON.

    A value shorter than four characters is left: it would be found everywhere.

    Example:
        >>> redact_values("key s3cr3t!, s3cr3t%21", ["s3cr3t!"])
        'key [redacted], [redacted]'
    """
    found = {form for value in values if len(value) >= 4 for form in encoded_forms(value)}
    for form in sorted(found, key=len, reverse=True):
        text = text.replace(form, REDACTED)
    return text


_REMEDY = "Write env:NAME in its place, and put the value into the environment: export NAME=..."
_REMEDY_URL = (
    "Take user, password and key out of an address, or take all of it from the environment: env:NAME as model.base_url, "
    "${oc.env:NAME} elsewhere."
)
_SAID = {
    "literal": ("holds a secret itself", "hold secrets themselves"),
    "url": ("is an address with a user, a password or a key in it",) * 2,
    "environment": ("would bring a secret from the environment into the configuration",) * 2,
}


def _refusal(found: list[_Found], source: str) -> SecretError:
    said = []
    for kind, (one, several) in _SAID.items():
        places = [item.place for item in found if item.kind == kind]
        if places:
            said.append(f"{', '.join(places)} {one if len(places) == 1 else several}")
    kinds = {item.kind for item in found}
    remedies = [_REMEDY] * bool(kinds - {"url"}) + [_REMEDY_URL] * ("url" in kinds)
    text = "; ".join(said) + (f" ({source})" if source else "")
    return SecretError(text, remedy="\n".join(remedies), places=[item.place for item in found])


def _all(config: Mapping[str, Any], place: str) -> list[_Found]:
    return list(dict.fromkeys(_walk(config, place, "", "")))


def _walk(value: object, place: str, name: str, under: str) -> Iterator[_Found]:
    """What is found in a value; `under` says whether it stands under a secret's name or among headers."""
    if isinstance(value, Mapping):
        called = value.get("name", value.get("key"))
        for key, item in ((str(key), item) for key, item in value.items()):
            if contains_key(key):
                yield _Found(place or REDACTED, "literal")
            inner = _under(key, item, name, under)
            if key == "value" and isinstance(called, str) and is_secret_name(called):
                inner = "name"
            yield from _walk(
                item, _joined(place, REDACTED if contains_key(key) else key), key, inner
            )
    elif isinstance(value, (list, tuple, set, frozenset)):
        for index, item in enumerate(value):
            yield from _walk(item, _joined(place, str(index)), name, under)
    else:
        kind = _kind(value, under)
        if kind:
            yield _Found(place or "the value", kind)


def _joined(place: str, key: str) -> str:
    return f"{place}.{key}" if place else key


def _under(key: str, item: object, parent: str, under: str) -> str:
    if under == "headers" or re.search(r"headers\.[^.]+$", key, re.IGNORECASE):
        return "headers"
    if is_secret_name(key) or is_secret_name(f"{parent} {key}"):
        return "name"
    if re.search(r"headers$", key, re.IGNORECASE):
        return "headers" if isinstance(item, Mapping) else "lines"
    return "name" if under == "name" and key.lower() in {"default", "key", "value"} else ""


def _kind(value: object, under: str) -> str:
    """Why a value that is neither mapping nor list may not stand where it does; empty where it may."""
    if value is None or (isinstance(value, bool) and under != "headers"):
        return ""
    text = (
        value
        if isinstance(value, str)
        else value.decode("utf-8", "replace")
        if isinstance(value, bytes)
        else str(value)
    )
    if not under and not isinstance(value, (str, bytes)):
        return ""
    if contains_key(text):
        return "literal"
    if any(_has_credentials(url) for url in URL_PATTERN.findall(text)):
        return "url"
    if not under or (under == "lines" and ":" not in text):
        return ""
    if _FROM_ENVIRONMENT.search(text):
        return "environment"
    return "" if is_harmless(text) else "literal"


def is_harmless(text: str) -> bool:
    """Whether a text under a secret's name is none: empty, missing, references, a whole interpolation, a declared type.

    Example:
        >>> is_harmless("env:OPENAI_API_KEY"), is_harmless("string"), is_harmless("abc")
        (True, True, False)
    """
    text = text.strip()
    if (
        text in {"", "???", "null", REDACTED}
        or _TYPE.fullmatch(text)
        or _INTERPOLATION.fullmatch(text)
    ):
        return not _FROM_ENVIRONMENT.search(text)
    return all(referenced_variable(part.strip().removeprefix("\\")) for part in text.split(","))


def _has_credentials(url: str) -> bool:
    return next(url_credentials(url), None) is not None


def url_credentials(url: str) -> Iterator[str]:
    """What grants access in an address: the password or the user alone, and the keys in its query; references are left out.

    Example:
        >>> list(url_credentials("https://ann:pw@host/v1?max_tokens=7&token=abc"))
        ['pw', 'abc']
    """
    scheme, _, rest = url.partition("://")
    authority = re.split(r"[/?#]", _INTERPOLATION.sub("", rest), maxsplit=1)[0]
    user, at, _ = authority.rpartition("@")
    cut = re.search(r":([^0-9\]][^\]]*)$", authority)
    if not at and cut and "@" in rest:  # a password with a slash in it
        yield f"{cut[1]}{rest.partition(authority)[2].rpartition('@')[0]}"
        return
    name, colon, password = user.partition(":")
    if password or (name and not colon and scheme.lower() in {"http", "https", "ws", "wss"}):
        yield password or name
    try:
        parts = urlsplit(url)
    except ValueError:
        return
    for key, value in [*parse_qsl(parts.query), *parse_qsl(parts.fragment)]:
        if (is_secret_name(key) or key.lower() in _SIGNED) and not is_harmless(value):
            yield value


def encoded_forms(value: str) -> Iterator[str]:
    """How a value may stand in a text: as it is, quoted for an address, escaped, or in base64, alone or within something longer.

    Example:
        >>> "czNjcjN0IQ==" in encoded_forms("s3cr3t!"), "s3cr3t%21" in encoded_forms("s3cr3t!")
        (True, True)
    """
    yield value
    for quoted in (quote(value), quote(value, safe=""), quote_plus(value)):
        yield quoted
        yield re.sub(r"%[0-9A-F]{2}", lambda match: match[0].lower(), quoted)
    for escaped in (json.dumps(value), json.dumps(value, ensure_ascii=False), repr(value)):
        yield escaped[1:-1]
        yield escaped[1:-1].replace("/", "\\/")
    data = value.encode()
    for before in range(3):  # as it stands in the base64 of something longer, such as user:password
        text = base64.b64encode(b"\0" * before + data).decode().rstrip("=")
        inner = text[(0, 2, 3)[before] : len(text) - bool((before + len(data)) % 3)]
        for form in [inner] if before else [base64.b64encode(data).decode(), text, inner]:
            if len(form) >= 6:
                yield form
                yield form.replace("+", "-").replace("/", "_")
