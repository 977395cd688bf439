"""Names of credentials, and the formats of the keys of well-known services."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from functools import lru_cache

__all__ = ["contains_key", "find_keys", "is_secret_name", "redact_keys"]

_KEY_FORMATS = re.compile(
    r"""(?<![A-Za-z0-9])(?:
      sk-(?:ant|proj|or|svcacct|admin|lf)-[\w-]{8,}
    | sk-(?:[\w-]{0,40}-)?(?=[A-Za-z_]{0,40}[0-9])(?=[0-9_]{0,40}[A-Za-z])\w{16,}
    | sk-[A-Za-z0-9]{20,}
    | [sr]k_(?:live|test)_[A-Za-z0-9]{10,}
    | gh[pousr]_[A-Za-z0-9]{20,} | github_pat_\w{20,} | glpat-[\w-]{16,}
    | A(?:KIA|SIA)[A-Z0-9]{16}(?![A-Za-z0-9])
    | xox[abeprs]-[A-Za-z0-9-]{10,} | xapp-[A-Za-z0-9-]{10,}
    | AIza[\w-]{30,} | ya29\.[\w-]{20,}
    | hf_[A-Za-z0-9]{20,} | gsk_[A-Za-z0-9]{20,} | r8_[A-Za-z0-9]{20,} | xai-[A-Za-z0-9]{20,}
    | nvapi-[\w-]{20,}
    | npm_[A-Za-z0-9]{30,} | pypi-[\w-]{30,} | dapi[0-9a-f]{32} | dckr_pat_[\w-]{20,}
    | rubygems_[0-9a-f]{40,}
    | GOCSPX-[\w-]{20,} | whsec_[A-Za-z0-9+/]{24,} | SG\.[\w-]{16,}\.[\w-]{16,}
    | dop_v1_[0-9a-f]{40,} | dp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9._-]{40,}
    | SK[0-9a-fA-F]{32}(?![A-Za-z0-9])
    | (?:pub)?key-[0-9a-f]{32}(?![A-Za-z0-9]) | [0-9a-f]{32}-[0-9a-f]{8}-[0-9a-f]{8}(?![\w-])
    | ATATT3[\w=-]{40,} | lin_api_[A-Za-z0-9]{32,} | PMAK-[0-9a-f]{24}-[0-9a-f]{34}
    | sq0(?:atp|csp)-[\w-]{22,} | sbp_[0-9a-f]{40} | AGE-SECRET-KEY-1[A-Z0-9]{50,}
    | shp(?:at|ss|pa|ca)_[0-9a-f]{32} | hvs\.[\w-]{20,}
    | gl(?:sa|c)_[\w=]{30,} | pplx-[A-Za-z0-9]{30,} | lsv2_(?:pt|sk)_[0-9a-f_]{30,}
    | pcsk_\w{30,} | tvly-[\w-]{20,}
    | [0-9]{8,10}:AA[\w-]{33}(?![\w-]) | hooks\.slack\.com/services/T\w{6,}/B\w{6,}/\w{16,}
    | eyJ[\w-]{8,4000}\.[\w-]{4,}(?:\.[\w-]+){0,3}
    | -----BEGIN\ (?:[A-Z0-9]{1,20}\ ){0,3}PRIVATE\ KEY(?:\ BLOCK)?-----
      (?:[\s\S]{0,8000}?-----END[A-Z0-9\ ]{0,40}-----|(?:\\[nr]|[\sA-Za-z0-9+/=]){40,8000})?
    | [Bb]earer\s+(?!env:)(?=[\w.~+/=-]*[0-9._~+/=-]|\w{20})[\w.~+/=-]{6,}
    )""",
    re.VERBOSE,
)

_BASIC = re.compile(r"(?<![A-Za-z0-9])[Bb]asic\s+([A-Za-z0-9+/]{6,}={0,2})(?![A-Za-z0-9+/=])")

_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
_NEUTRAL = frozenset({"value", "string", "plaintext", "raw", "base64", "b", "v"})
_LAST_WORDS = frozenset(
    {"authorization", "bearer", "cookie", "cookies", "cred", "creds", "credential", "credentials",
     "jwt", "passcode", "passphrase", "passwd", "password", "passwords", "secret", "secrets",
     "token"}
)  # fmt: skip
_ENDINGS = (
    "apikey", "apikeys", "accesskey", "authkey", "privatekey", "secretkey", "accesstoken",
    "authtoken", "apitoken", "bearertoken", "idtoken", "refreshtoken", "sessiontoken", "secret",
    "password", "passwd", "credentials",
)  # fmt: skip
"""Endings of names that are written as one word, such as `openaiapikey`."""
_BEFORE_KEY = frozenset(
    {"access", "account", "api", "anthropic", "auth", "authentication", "authorization", "azure",
     "client", "cohere", "decryption", "deepseek", "deploy", "encryption", "gemini", "groq", "hf",
     "hmac", "huggingface", "license", "litellm", "master", "mistral", "openai", "openrouter",
     "private", "secret", "signing", "ssh", "subscription", "wandb", "webhook"}
)  # fmt: skip
_BEFORE_PASS = frozenset(
    {"admin", "database", "db", "ftp", "http", "login", "my", "proxy", "root", "smtp", "user"}
)
_QUALIFIED = {
    "key": _BEFORE_KEY,
    "keys": _BEFORE_KEY,
    "tokens": frozenset(
        {"access", "api", "auth", "bearer", "oauth", "refresh", "secret", "session"}
    ),
    "pass": _BEFORE_PASS,
    "pwd": _BEFORE_PASS,
    "pw": _BEFORE_PASS,
    "auth": frozenset({"basic", "http", "proxy"}),
}
"""Last words that name a secret only after one of these words: `api_key`, not `primary_key`."""
_BEFORE_HARMLESS_TOKEN = frozenset(
    {"begin", "bos", "by", "cls", "continuation", "cursor", "decoder", "each", "end", "eos", "eot",
     "first", "forced", "image", "input", "last", "mask", "max", "min", "new", "newline", "next",
     "num", "output", "pad", "padding", "page", "per", "prefix", "sep", "separator", "special",
     "split", "start", "stop", "suffix", "text", "unk", "unknown", "word"}
)  # fmt: skip
"""Words before `token` in names of text tokens and page tokens: `eos_token`, `page_token`."""


@lru_cache(maxsize=4096)
def is_secret_name(name: str) -> bool:
    """Check whether a key, a header or a query parameter of that name holds a credential.

    Example:
        >>> is_secret_name("X-Api-Key"), is_secret_name("accessToken")
        (True, True)
        >>> is_secret_name("max_tokens"), is_secret_name("primary_key")
        (False, False)
    """
    # Padded, so that there always is a word before the last one.
    words = ["", *map(str.lower, _WORD.findall(name))]
    while len(words) > 2 and (words[-1] in _NEUTRAL or words[-1].isdigit()):
        words.pop()
    before, last = ["", *words][-2:]
    if last in _QUALIFIED:
        return before in _QUALIFIED[last]
    if last == "token" and before in _BEFORE_HARMLESS_TOKEN:
        return False
    return last in _LAST_WORDS or last.endswith(_ENDINGS)


def find_keys(text: str) -> Iterator[tuple[int, int]]:
    """Yield the start and the end of each key in a well-known format.

    Example:
        >>> list(find_keys("use sk-" + "proj-0123456789"))
        [(4, 22)]
    """
    yield from (match.span() for match in _KEY_FORMATS.finditer(text))
    yield from (match.span() for match in _BASIC.finditer(text) if _is_basic_auth(match))


def contains_key(text: str) -> bool:
    """Check whether a text contains a key in a well-known format.

    Example:
        >>> contains_key("sk-" + "proj-0123456789"), contains_key("sklearn.linear_model.Ridge")
        (True, False)
    """
    return next(find_keys(text), None) is not None


def redact_keys(text: str, replacement: str) -> str:
    """Replace each key in a well-known format.

    Example:
        >>> redact_keys("use sk-" + "proj-0123456789", "...")
        'use ...'
    """
    text = _KEY_FORMATS.sub(replacement, text)
    return _BASIC.sub(lambda match: replacement if _is_basic_auth(match) else match[0], text)


def _is_basic_auth(match: re.Match[str]) -> bool:
    """Check for user:password in base64, to exclude sentences that start with Basic."""
    try:
        return b":" in base64.b64decode(match[1] + "=" * (-len(match[1]) % 4), validate=True)
    except ValueError:
        return False
