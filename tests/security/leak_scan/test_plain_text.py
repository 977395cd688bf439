from __future__ import annotations

import base64
import json

import pytest

from modelpact.security.leak_scan.plain_text import is_real_key
from tests.support.leak_corpus import drawn


@pytest.mark.parametrize("length", range(4))
def test_tokens_with_headers_of_any_length(length: int) -> None:
    header = base64.urlsafe_b64encode(json.dumps({"alg": "x" * length}).encode()).decode()
    assert is_real_key(f"{header.rstrip('=')}.{drawn(20)}.{drawn(20)}")
    assert not is_real_key(f"eyJ{'z' * length}.{drawn(20)}.{drawn(20)}")


@pytest.mark.parametrize("kind", ["", "RSA ", "PGP "])
@pytest.mark.parametrize(("length", "real"), [(39, False), (40, True)])
def test_private_keys_have_a_body_of_40_characters(kind: str, length: int, real: bool) -> None:
    block = " BLOCK" if kind == "PGP " else ""
    begin = f"-----BEGIN {kind}PRIVATE KEY{block}-----"
    body = drawn(length)
    assert is_real_key(begin, f"\n{body[:20]}\n{body[20:]}\n") is real


@pytest.mark.parametrize(
    ("user", "real"),
    [("ann:q7Zx2mPv9KfT", True), ("ann:", False), ("ann", False), ("ann:<password>", False)],
)
def test_basic_credentials_have_a_password(user: str, real: bool) -> None:
    assert is_real_key(f"Basic {base64.b64encode(user.encode()).decode()}") is real
