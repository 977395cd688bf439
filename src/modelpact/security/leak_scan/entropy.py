"""Whether a text is random, as keys are, or was written by somebody: words, names, numbers, placeholders."""

from __future__ import annotations

import itertools
import re

__all__ = ["SECRET_BITS", "estimate_bits", "is_placeholder", "is_random", "is_sequence"]

SECRET_BITS = 40.0
"""Bits from which on a text under the name of a key is taken for one: a password of 8 characters that no word explains."""

LETTERS_ONLY_BITS = 60.0
"""Bits of a text of letters alone, from which on it is taken for a key."""

LONGEST = 4096
"""Characters of a key, at most."""

PLACEHOLDER_BITS = 15.0
"""Bits that may be left of a placeholder without its words: `your-key-1234`."""

_FOLLOWS = dict(
    entry.split(":")
    for entry in (  # noqa: SIM905
        "a:bcdfgiklmnprstuvwxy b:acdeijlmorstuy c:acdehikloprstuy d:abcdefgilmnoprstux e:abcdefghiklmnopqrstuvwxy "
        "f:aefilorstuy g:aeghilmnorsu h:aeiorstuy i:abcdefgklmnoprstvxz j:eou k:aeilns l:acdefiklmopstuvy m:abeilmopsuy "
        "n:abcdefgiklmnoprstuvy o:abcdefgiklmnoprstuvwx p:acdehiloprstuy q:lu r:abcdefgiklmnoprstuvwy s:acdefhiklmnopqstuvwy "
        "t:acdefhilmnoprstuwyz u:abcdefgilmnoprst v:aeio w:aehinors x:aceilpt y:eilmnpst z:aei "
    ).split()
)
"""What follows each letter in words: half of all pairs, and almost every pair of a word."""

_OPENING = re.compile(r"[<{\[(\\\u2026]|%[(sdr]|\*{3}|\.\w|\.{3}|\$\w|x{3}|X{3}")
_WORDS = re.compile(
    r"""(?ix)x{3,} | \*{3,} | \.{3} | (?<![a-z])
    (?:your|my|example|sample|dummy|fake|placeholder|redacted|hidden|masked|change-?_?me|replace|insert|here|todo|foo|bar|baz|tests?
      |testing|none|null|undefined|secret|password|passwd|token|key|api-?_?key|not-?_?needed|empty|default|unused)
    (?![a-z])"""
)
"""How a placeholder begins, and the words it is made of."""

_PLAIN = re.compile(
    r"""(?ix)(?:user(?:name)? | name | pass(?:wd|word|phrase)? | pw | pwd | s[e3]cr[e3]t | token | (?:api[-_]?)?key | admin
    | root | guest | test | tiger | foo | bar | baz | abc | 123\d{0,3} | changeme | x{1,3} | y | p | u | git | oauth2 | me | you
    | login | example | string | value | none | null | true | false)"""
)
"""What stands for a user or a password in pages."""

_RUN = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+|[^A-Za-z0-9\s_./:,|-]")
_MADE = [
    re.compile(form)
    for form in (
        r"(?:[A-Za-z]:)?(?:~|\.{1,2})?[/\\][\w .@+\\/-]*",  # a path
        r"[0-9]{4}-?[0-9]{2}-?[0-9]{2}[T ][0-9:.]+(?:Z|UTC|[+-][0-9:]+)?",  # a time
        r"(?i:sha\d+|md5|blake\w+)[:=-].*",  # a digest
        r"(?:ssh-(?:rsa|dss|ed25519)|ecdsa-sha2-\S+|sk-(?:ssh|ecdsa)\S+)(?:\s.*)?",  # a public key
        r"data:[a-z]+/.*",
        r"(?:urn|arn):[\w:./-]+",
        r"\w+://[^?]*",  # an address, which is looked at on its own
        r"[A-Z]+(?:_[A-Z0-9]+)+",  # a variable of the environment
    )
]
"""What was made by a rule."""


def estimate_bits(text: str) -> float:
    """About how many bits of a text were drawn by chance: words count little, digits and letters that form no words all.

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
    """Whether a text stands where a key would go, and says so.

    Example:
        >>> is_placeholder("your-api-key-here"), is_placeholder("<token>"), is_placeholder("q7Zx2mPv9KfT")
        (True, True, False)
    """
    left = _WORDS.sub("", text)
    return (
        _PLAIN.fullmatch(text) is not None
        or _OPENING.match(text) is not None
        or (left != text and estimate_bits(left) < PLACEHOLDER_BITS)
    )


def is_random(text: str, least: float = SECRET_BITS) -> bool:
    """Whether a text is one that nobody made up.

    Args:
        text: A value, without its quotes.
        least: The bits that it must have.

    Example:
        >>> [is_random(text) for text in ("q7Zx2mPv9KfT", "2024-01-01T00:00:00Z", "sklearn.linear_model", "abcdefgh12345678")]
        [True, False, False, False]
    """
    if (
        not 8 <= len(text) <= LONGEST
        or len(set(text)) < 5
        or re.search(r"\s", text)
        or sum(map(str.isalpha, text)) < 2
    ):
        return False
    if (
        any(form.fullmatch(text) for form in _MADE)
        or is_placeholder(text)
        or sum(map(text.count, "\\(){}[]<>|")) > 2
    ):
        return False
    if re.search(r"[0-9!#&*?^~]", text) is None:  # few keys of this length have none
        least = max(least, LETTERS_ONLY_BITS)
    return not is_sequence(text) and estimate_bits(text) >= least


def is_sequence(text: str) -> bool:
    """Whether most letters follow those before them, as in `abcdef123456`."""
    return (
        sum(abs(ord(one) - ord(other)) <= 1 for one, other in itertools.pairwise(text))
        >= len(text) / 2
    )


def _is_word(letters: str) -> bool:
    pairs = len(letters) - 1
    return (
        pairs >= 2
        and sum(letters[at + 1] in _FOLLOWS.get(letters[at], "") for at in range(pairs))
        >= 0.75 * pairs
    )
