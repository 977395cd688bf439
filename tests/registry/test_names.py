"""Valid names of registered models, aliases and tags."""

from __future__ import annotations

import re

import pytest

from modelpact.errors import ConfigError
from modelpact.registry.names import MAX_TAG_LENGTH, check_alias, check_name, check_tag

CHARACTERS = (
    "Use 1 to 256 characters without '/', ':', '@', '?' and control characters: name=my-model."
)
PRINTABLE = "Use printable characters, without leading or trailing blanks: name=my-model."
FOLDER = "The name would denote a folder; use a name such as name=my-model."
QUOTES = "Use one kind of quotes; MLflow cannot search for a name with both."


@pytest.mark.parametrize("name", ["x", "x" * 256, "a b", "it's", 'say "so"', "...", ".a"])
def test_valid_names_of_models(name: str) -> None:
    check_name(name)


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        *((name, CHARACTERS) for name in ("", " ", "a/b", "a:b", "a@b", "a?b")),
        *((name, PRINTABLE) for name in ("a\nb", " a", "a ")),
        *((name, FOLDER) for name in (".", "..")),
        ("'\"", QUOTES),
    ],
)
def test_invalid_names_of_models(name: str, remedy: str) -> None:
    message = f"name={name!r} is not a valid name of a registered model\n{remedy}"
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        check_name(name)


def test_names_of_models_are_truncated_in_the_message() -> None:
    with pytest.raises(ConfigError, match=r"name='x{50,120}\.\.\. is not") as raised:
        check_name("x" * 257)
    assert raised.value.remedy == CHARACTERS


@pytest.mark.parametrize("alias", ["x", "x" * 255, "a-b_1", "größe", "v", "v1a", "latest2"])
def test_valid_aliases(alias: str) -> None:
    check_alias(alias, "alias")


@pytest.mark.parametrize("alias", ["", "x" * 256, "a.b", "a b", "v1", "V12", "latest", "LATEST"])
def test_invalid_aliases(alias: str) -> None:
    with pytest.raises(ConfigError) as raised:
        check_alias(alias, "register.aliases")
    assert raised.value.message.startswith(f"register.aliases: '{alias[:20]}")
    assert raised.value.message.endswith(" is not a valid alias")
    assert raised.value.remedy == (
        "Use 1 to 255 letters, digits, '_' and '-'; MLflow reserves 'latest' and v1, v2, ..."
    )


@pytest.mark.parametrize("key", ["x", "x" * 250, "a/b", "a.b-c: d_1"])
@pytest.mark.parametrize("value", ["", "x" * MAX_TAG_LENGTH, 1, 0.5, False])
def test_valid_tags(key: str, value: object) -> None:
    check_tag(key, value)


@pytest.mark.parametrize("key", ["", "x" * 251, "a,b", "../x", "a//b", "a/../b", "/a", ".", ".."])
def test_invalid_names_of_tags(key: str) -> None:
    with pytest.raises(ConfigError) as raised:
        check_tag(key, "1")
    assert raised.value.message.startswith(f"register.tags: '{key[:20]}")
    assert raised.value.message.endswith(" is not a valid tag")
    assert raised.value.remedy == (
        "Use 1 to 250 letters, digits, '_', '-', '.', ' ', ':' and '/', and no path such as '../x'."
    )


@pytest.mark.parametrize(
    ("key", "value", "remedy"),
    [
        ("a", None, "Its value is a NoneType; use a string, a number or a boolean."),
        (
            "a",
            "x" * (MAX_TAG_LENGTH + 1),
            "Its value has 8001 characters, the maximum is 8000; "
            "log long texts as an artifact of the run.",
        ),
        ("a", "\ud800", "Its value has unpaired surrogates; use valid Unicode text."),
        (
            "modelpact.a",
            "1",
            "Tags that start with 'modelpact.' are set by modelpact; use another name.",
        ),
    ],
)
def test_invalid_tags(key: str, value: object, remedy: str) -> None:
    with pytest.raises(ConfigError) as raised:
        check_tag(key, value)
    assert str(raised.value) == f"register.tags: '{key}' is not a valid tag\n{remedy}"
