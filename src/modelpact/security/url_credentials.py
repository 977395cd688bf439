"""Credentials in URLs: user, password, and keys in the query."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import parse_qsl, urlsplit

from modelpact.security.credentials import is_secret_name
from modelpact.security.references import INTERPOLATION, REDACTED, is_harmless

__all__ = ["URL_PATTERN", "has_credentials", "redact_urls", "url_credentials"]

URL_PATTERN = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,30}://[^\s'\"<>]*")

_SIGNATURES = frozenset({"sig", "signature", "x-amz-signature", "x-goog-signature"})
"""Query parameters of signed URLs, which grant access."""

_USER_ALONE = frozenset({"http", "https", "ws", "wss"})
"""Schemes whose user without a password may be a token."""


def has_credentials(url: str) -> bool:
    """Check whether a URL has credentials."""
    return next(url_credentials(url), None) is not None


def redact_urls(text: str) -> str:
    """Redact the URLs in a text that have credentials, up to their scheme."""
    return URL_PATTERN.sub(_redact_url, text)


def _redact_url(match: re.Match[str]) -> str:
    if not has_credentials(match[0]):
        return match[0]
    return f"{match[0].partition('://')[0]}://{REDACTED}"


def url_credentials(url: str) -> Iterator[str]:
    """Yield the credentials in a URL: the password, or the user alone, and keys in the query.

    References to environment variables are not credentials.

    Example:
        >>> list(url_credentials("https://ann:pw@host/v1?max_tokens=7&token=abc"))
        ['pw', 'abc']
    """
    scheme, _, rest = url.partition("://")
    authority = re.split(r"[/?#]", INTERPOLATION.sub("", rest), maxsplit=1)[0]
    cut = re.search(r":([^0-9\]][^\]]*)$", authority)
    if "@" not in authority and cut and "@" in rest:
        # a password with a slash
        yield f"{cut[1]}{rest.partition(authority)[2].rpartition('@')[0]}"
        return
    name, colon, password = authority.rpartition("@")[0].partition(":")
    if password:
        yield password
    elif name and not colon and scheme.lower() in _USER_ALONE:
        yield name
    yield from _query_credentials(url)


def _query_credentials(url: str) -> Iterator[str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        return
    for key, value in [*parse_qsl(parts.query), *parse_qsl(parts.fragment)]:
        grants_access = is_secret_name(key) or key.lower() in _SIGNATURES
        if grants_access and not is_harmless(value):
            yield value
