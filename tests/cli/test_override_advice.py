from __future__ import annotations

import shlex
from typing import Any

import pytest
from hydra import compose, initialize_config_module
from omegaconf import OmegaConf

from modelpact._internal.named_values import read_named_values
from modelpact.cli.override_advice import GENERIC, advise
from tests.support.many_cases import sample_params


def advised(override: str) -> list[str]:
    """Return the words that the shell passes on for the line that is suggested."""
    advice = advise(override)
    assert advice.startswith("Type: "), advice
    return shlex.split(advice.removeprefix("Type: "))


def composed(override: str, key: str) -> Any:
    with initialize_config_module("modelpact.conf", version_base="1.3"):
        chosen = ["data=csv", "data.path=x.csv", "signer=explicit"]
        value = OmegaConf.select(compose("config", [*chosen, override]), key)
    return OmegaConf.to_container(value) if OmegaConf.is_config(value) else value


@pytest.mark.parametrize(
    ("override", "key", "value"),
    sample_params(
        [
            ("data.types.my col=string", "data.types", {"my col": "string"}),
            ("+data.types.my col=string", "data.types", {"my col": "string"}),
            ("+data.types.price (EUR)=double", "data.types", {"price (EUR)": "double"}),
            ('data.types={"my col": string}', "data.types", {"my col": "string"}),
            ("data.types={'a:b': string}", "data.types", {"a:b": "string"}),
            ("data.types={x[0]: string}", "data.types", {"x[0]": "string"}),
            ("data.types.größe=string", "data.types", {"größe": "string"}),
            ("data.types={größe: string, b: long}", "data.types", {"größe": "string", "b": "long"}),
            ("data.types={g&h: string}", "data.types", {"g&h": "string"}),
            ('data.types={"it\'s": string}', "data.types", {"it's": "string"}),
            ('data.types={"#1": "datetime %d.%m.%Y"}', "data.types", {"#1": "datetime %d.%m.%Y"}),
            ("+data.types.my col=datetime %d", "data.types", {"my col": "datetime %d"}),
            ('data.params={"a b": 1}', "data.params", {"a b": 1}),
            ("register.tags.größe=x", "register.tags", {"größe": "x"}),
            ("+signer.inputs.my col=double", "signer.inputs", {"my col": "double"}),
            (
                'signer.inputs={"a b": double, c: [string]}',
                "signer.inputs",
                {"a b": "double", "c": ["string"]},
            ),
            ("data.target=price (EUR)", "data.target", "price (EUR)"),
            ("data.target=größe", "data.target", "größe"),
            ('data.target=a "b" c', "data.target", 'a "b" c'),
            ("data.path=C:\\x y\\(1).csv", "data.path", "C:\\x y\\(1).csv"),
            ("data.path=data (1)\\", "data.path", "data (1)\\"),
            ("data.columns=[my col,x[0]]", "data.columns", ["my col", "x[0]"]),
            ("data.columns=[größe, Höhe]", "data.columns", ["größe", "Höhe"]),
            ("data.na_values=[-,?]", "data.na_values", ["-", "?"]),
            ("signer.outputs=float64[-1]", "signer.outputs", "float64[-1]"),
            ("data.comment=#", "data.comment", "#"),
        ],
        every=3,
    ),
)
def test_the_suggested_line_works(override: str, key: str, value: Any) -> None:
    words = advised(override)
    assert len(words) == 1
    found = composed(words[0], key)
    assert (read_named_values(found) if isinstance(value, dict) else found) == value


@pytest.mark.parametrize(
    "override", ["=", "a..b=1", "data.types={a: {}", "data.foo={ö: 1}", "data.columns=[a,b", ""]
)
def test_without_a_line_that_works_the_advice_is_general(override: str) -> None:
    assert advise(override) == GENERIC
