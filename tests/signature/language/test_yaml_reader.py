"""YAML text: syntax errors, duplicate keys, anchors and lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelpact.errors import SpecError
from modelpact.signature import load, parse_type
from tests.support.malformed_specs import report_problems

MALFORMED = [
    (
        "inputs: {author: {orcid?: string}}",
        "invalid YAML: expected ',' or '}', but got '?', at 'inputs: {author: {orcid?: "
        'string}}\'; quote keys that end with ? inside {...}: {"orcid?": string}',
    ),
    (
        "inputs: {a: {*: double}}",
        "invalid YAML: expected alphabetic or numeric character, but found ':', at 'inputs: {a: "
        '{*: double}}\'; quote the * of a map: {"*": double}',
    ),
    (
        'inputs: {a: "{orcid?: string}"}',
        "inputs.a: invalid YAML: expected ',' or '}', but got '?', at '{orcid?: string}'; quote "
        'keys that end with ? inside {...}: {"orcid?": string}',
    ),
    (
        "inputs: {a: double, a: long}",
        "inputs.a: duplicate key 'a', first used on line 1",
    ),
    (
        "inputs: {i: float32[-1, 3]}",
        "invalid YAML: expected ',' or '}', but got '[', at 'inputs: {i: float32[-1, 3]}'; quote "
        'tensors inside {...} or [...]: "float32[-1, 3]"',
    ),
    (
        "params: {t: [string] = []}",
        "invalid YAML: expected ',' or '}', but got '<scalar>', at 'params: {t: [string] = []}'; "
        'quote the whole text: stop: "[string] = []"',
    ),
    (
        "inputs: {a: 2024-13-45}",
        "inputs.a: invalid YAML value '2024-13-45': month must be in 1..12",
    ),
    (
        "inputs: {a: !foo x}",
        "inputs.a: invalid YAML value 'x': could not determine a constructor for the tag '!foo'",
    ),
    (
        "inputs: &x {a: *x}",
        "inputs.a: an anchor refers to itself",
    ),
    (
        "inputs: {<<: {a: double}}",
        "inputs: merge keys (<<) are not supported; write the entries out",
    ),
    (
        "inputs: {[a]: double}",
        "inputs: keys must be strings",
    ),
    (
        'inputs: "{a: [double}"',
        "inputs: invalid YAML: expected ',' or ']', but got '}', at '{a: [double}'",
    ),
    (
        "params: {s: string = a: b}",
        "invalid YAML: expected ',' or '}', but got ':', at 'params: {s: string = a: b}'; quote "
        "defaults that contain a colon: stop: 'string = a: b'",
    ),
    (
        "inputs:\n\ta: double",
        "invalid YAML: found character '\\t' that cannot start any token, at 'a: double'; indent "
        "with spaces, not tabs",
    ),
    (
        "a: 1\n---\nb: 2",
        "invalid YAML: expected a single document in the stream, but found another document, at "
        "'---'",
    ),
]


@pytest.mark.parametrize(("spec", "problems"), MALFORMED, ids=[spec for spec, _ in MALFORMED])
def test_malformed_documents_are_reported(spec: str, problems: str) -> None:
    assert report_problems(spec) == problems


def test_syntax_errors_have_their_line(tmp_path: Path) -> None:
    file = tmp_path / "contract.yaml"
    file.write_text("inputs:\n  age: double\n  author: {orcid?: string}\n")
    with pytest.raises(SpecError) as caught:
        load(file)
    assert caught.value.lines == [3]
    assert 'quote keys that end with ? inside {...}: {"orcid?": string}' in str(caught.value)


def test_recursive_anchors_are_rejected() -> None:
    with pytest.raises(SpecError, match="refers to itself"):
        parse_type("{x: &a {y: *a}}")


def test_deeply_nested_text_is_rejected() -> None:
    with pytest.raises(SpecError, match="nested too deeply"):
        parse_type("[" * 5000 + "double" + "]" * 5000)
