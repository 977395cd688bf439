"""Distinguishes random texts, such as keys, from words, names, numbers and placeholders."""

from __future__ import annotations

import itertools
import re

__all__ = ["SECRET_BITS", "estimate_bits", "is_placeholder", "is_random", "is_sequence"]

SECRET_BITS = 40.0
"""Bits of a text under the name of a secret; fewer are not taken for a secret.

A random password of 9 characters has about that many.
"""

LETTERS_ONLY_BITS = 60.0
"""Bits of a text of letters only; fewer are not taken for a secret."""

MIN_LENGTH, MAX_LENGTH = 8, 4096
"""Characters of a key."""

PLACEHOLDER_BITS = 15.0
"""Bits of a placeholder apart from its words: `your-key-1234`."""

_FOLLOWS = dict(
    entry.split(":")
    for entry in (  # noqa: SIM905
        "a:bcdfgiklmnprstuvwxy b:acdeijlmorstuy c:acdehikloprstuy d:abcdefgilmnoprstux "
        "e:abcdefghiklmnopqrstuvwxy f:aefilorstuy g:aeghilmnorsu h:aeiorstuy "
        "i:abcdefgklmnoprstvxz j:eou k:aeilns l:acdefiklmopstuvy m:abeilmopsuy "
        "n:abcdefgiklmnoprstuvy o:abcdefgiklmnoprstuvwx p:acdehiloprstuy q:lu "
        "r:abcdefgiklmnoprstuvwy s:acdefhiklmnopqstuvwy t:acdefhilmnoprstuwyz "
        "u:abcdefgilmnoprst v:aeio w:aehinors x:aceilpt y:eilmnpst z:aei "
    ).split()
)
"""The letters that follow each letter in words.

They make half of all pairs, and almost all pairs in words.
"""

_OPENING = re.compile(r"[<{\[(\\\u2026]|%[(sdr]|\*{3}|\.\w|\.{3}|\$\w|x{3}|X{3}")
_WORDS = re.compile(
    r"""(?ix)x{3,} | \*{3,} | \.{3} | (?<![a-z])
    (?:your|my|example|sample|dummy|fake|placeholder|redacted|hidden|masked|change-?_?me|replace
      |insert|here|todo|foo|bar|baz|tests?|testing|none|null|undefined|secret|password|passwd|token
      |key|api-?_?key|not-?_?needed|empty|default|unused)
    (?![a-z])"""
)
"""The words of placeholders."""

_PLAIN = re.compile(
    r"""(?ix)(?:user(?:name)? | name | pass(?:wd|word|phrase)? | pw | pwd | s[e3]cr[e3]t | token
    | (?:api[-_]?)?key | admin | root | guest | test | tiger | foo | bar | baz | abc | 123\d{0,3}
    | changeme | x{1,3} | y | p | u | git | oauth2 | me | you | login | example | string | value
    | none | null | true | false)"""
)
"""Placeholders of users and passwords in documentation."""

_RUN = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+|[^A-Za-z0-9\s_./:,|-]")
_PUBLIC_FORMATS = [
    re.compile(pattern)
    for pattern in (
        # a path
        r"(?:[A-Za-z]:)?(?:~|\.{1,2})?[/\\][\w .@+\\/-]*",
        # a time
        r"[0-9]{4}-?[0-9]{2}-?[0-9]{2}[T ][0-9:.]+(?:Z|UTC|[+-][0-9:]+)?",
        # a digest
        r"(?i:sha\d+|md5|blake\w+)[:=-].*",
        # a public key
        r"(?:ssh-(?:rsa|dss|ed25519)|ecdsa-sha2-\S+|sk-(?:ssh|ecdsa)\S+)(?:\s.*)?",
        r"data:[a-z]+/.*",
        r"(?:urn|arn):[\w:./-]+",
        # a URL, which is scanned on its own
        r"\w+://[^?]*",
        # the name of an environment variable
        r"[A-Z]+(?:_[A-Z0-9]+)+",
    )
]
"""Formats of values that are not secrets."""


def estimate_bits(text: str) -> float:
    """Estimate the random bits in a text.

    Words count little; digits, and letters that form no words, count fully.

    Example:
        >>> estimate_bits("correct-horse-battery") < 10, estimate_bits("q7Zx2mPv9KfT") > 40
        (True, True)
    """
    found = 0.0
    for run in _RUN.findall(text):
        if run.isdigit():
            found += 3.3 * min(len(run), 20)
        elif not run.isalpha():
            found += 3.0
        else:
            found += 3.0 if _is_word(run.lower()) else 5.0 * len(run)
    return found


def is_placeholder(text: str) -> bool:
    """Check whether a text is a placeholder of a key.

    Example:
        >>> is_placeholder("your-api-key-here"), is_placeholder("<token>")
        (True, True)
        >>> is_placeholder("q7Zx2mPv9KfT")
        False
    """
    if _PLAIN.fullmatch(text) or _OPENING.match(text):
        return True
    left = _WORDS.sub("", text)
    return left != text and estimate_bits(left) < PLACEHOLDER_BITS


def is_random(text: str, min_bits: float = SECRET_BITS) -> bool:
    """Check whether a text is random.

    Args:
        text: A value, without quotes.
        min_bits: The least number of random bits.

    Example:
        >>> is_random("q7Zx2mPv9KfT"), is_random("abcdefgh12345678")
        (True, False)
        >>> is_random("2024-01-01T00:00:00Z"), is_random("sklearn.linear_model")
        (False, False)
    """
    if not _is_key_like(text) or is_placeholder(text) or is_sequence(text):
        return False
    if any(pattern.fullmatch(text) for pattern in _PUBLIC_FORMATS):
        return False
    # few keys of this length consist of letters only
    if re.search(r"[0-9!#&*?^~]", text) is None:
        min_bits = max(min_bits, LETTERS_ONLY_BITS)
    return estimate_bits(text) >= min_bits


def _is_key_like(text: str) -> bool:
    """Check the length and the characters of a text."""
    if not MIN_LENGTH <= len(text) <= MAX_LENGTH or len(set(text)) < 5 or re.search(r"\s", text):
        return False
    return sum(map(str.isalpha, text)) >= 2 and sum(map(text.count, "\\(){}[]<>|")) <= 2


def is_sequence(text: str) -> bool:
    """Check whether most characters are next to their neighbours, as in `abcdef123456`."""
    adjacent = sum(abs(ord(one) - ord(other)) <= 1 for one, other in itertools.pairwise(text))
    return adjacent >= len(text) / 2


def _is_word(letters: str) -> bool:
    n_pairs = len(letters) - 1
    if n_pairs < 2:
        return False
    common = sum(after in _FOLLOWS.get(letter, "") for letter, after in itertools.pairwise(letters))
    return common >= 0.75 * n_pairs
