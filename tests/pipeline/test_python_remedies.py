"""Remedies name arguments of Python where the command line has overrides."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import pytest
from sklearn.linear_model import Ridge

import modelpact
from modelpact.pipeline.python_remedies import to_python
from modelpact.types import caller_reports_errors

ROOT = Path(modelpact.__file__).parent
GROUPS = "data|model|contract|signer|saver|loader|verifier|register|tracking|name|task"
OVERRIDE = re.compile(rf"(?<![\w`.-])(?:{GROUPS})(?:\.\w+)*=")

OTHERS = {"promotion_rules.py", "python_remedies.py"}

X = pd.DataFrame({"a": [1.0, 2.0, 3.0]})
MODEL = Ridge().fit(X, X.a)
QUICK: dict[str, Any] = {"pip_requirements": ["scikit-learn"]}


def read_texts() -> Iterator[tuple[str, str]]:
    """Yield the texts with overrides that an error of the pipeline can have, with their place."""
    for file in sorted(ROOT.rglob("*.py")):
        place = file.relative_to(ROOT)
        # These are reached from the command line only.
        if place.parts[0] in {"cli", "batch"} or place.name in OTHERS:
            continue
        tree = ast.parse(file.read_text(encoding="utf-8"))
        parts = {
            id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)
            for part in ast.walk(node) if part is not node
        }  # fmt: skip
        docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if id(node) in parts | docstrings:
                continue
            text = read_text(node)
            if NAMES["where"] in text and "task=" not in text:
                continue
            if text and (OVERRIDE.search(text) or "HYDRA" in text or "resume=" in text):
                yield f"{place}:{getattr(node, 'lineno', 0)}", text


def read_text(node: ast.AST) -> str:
    """Return a string or an f-string, in which a name stands for each value."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if not isinstance(node, ast.JoinedStr):
        return ""
    values = [part for part in node.values if isinstance(part, ast.FormattedValue)]
    names = {id(part): NAMES.get(ast.unparse(part.value), "column") for part in values}
    return "".join(names.get(id(part)) or read_text(part) for part in node.values)


NAMES = {"where": "task.alias=column"}
"""What stands for a value that is an override itself."""

TEXTS = dict(read_texts())
"""Messages are among them: they show that the translation finds nothing in other text."""

NOT_TRANSLATED = {
    # Python already, or parts of a text.
    "Pass the model: sign(..., model=model).",
    "Use name=.",
    'Give one: publish(model, X, name="houses").',
    "The contract is longer: `modelpact task=export task.to=markdown` prints all of it.",
    "task.alias=column",
    "task.uri=column task.why=...; otherwise publish the model again.",
}


def test_there_are_remedies() -> None:
    assert len(TEXTS) > 60


@pytest.mark.parametrize("place", TEXTS)
def test_remedies_become_python(place: str) -> None:
    text = to_python(TEXTS[place])
    assert to_python(text) == text
    assert "HYDRA" not in text
    assert "resume=" not in text
    commands = re.findall("`([^`]*)`", text)
    assert all(command.startswith("modelpact task=") for command in commands)
    if text.strip() in NOT_TRANSLATED:
        return
    text = re.sub("`[^`]*`", "", text)
    assert re.search(rf"(?<![\w`.-])(?:{GROUPS})\.\w+=", text) is None, text
    for found in re.finditer(r"(?<![\w.])\w+=", text):
        assert cut_argument(text[found.start() :])


def cut_argument(text: str) -> str:
    """Return the keyword argument that a text starts with, such as `name="x"`."""
    for end in range(len(text), 0, -1):
        try:
            call = ast.parse(f"f({text[:end]})", mode="eval").body
        except SyntaxError:
            continue
        if isinstance(call, ast.Call) and call.keywords and not call.args:
            return text[:end]
    raise AssertionError(text)


@pytest.mark.parametrize(
    ("remedy", "expected"),
    [
        (
            "signer.inputs={age: double} signer.outputs=double.",
            'signer={"_target_": "explicit", "inputs": {"age": "double"}, "outputs": "double"}.',
        ),
        (
            r"""'register.waivers=[{rule: A, path: "\"b\".\${c}", reason: "..."}]' accepts""",
            r'register={"waivers": [{"rule": "A", "path": "\"b\".${c}", "reason": "..."}]} accepts',
        ),
        ("'data.comment=\"#\"' 'data.separator=\";\"'.", 'comment="#", separator=";".'),
        ("Set data.test_size=0, or data.types={a: string}.", None),
        ("'name=my houses-2' starts a new model", 'name="my houses-2" starts a new model'),
        ("with tracking.uri=sqlite:///... or tracking.uri=...", None),
        ("raise signer.n_rows, or see signer=other", "raise signer.n_rows, or see signer=other"),
        ("data.quote=null, data.drop=true", "quote=None, drop=True"),
    ],
)
def test_values(remedy: str, expected: str | None) -> None:
    if expected is None:
        assert to_python(remedy) in {
            'Set test_size=0, or types={"a": "string"}.',
            'with tracking={"uri": "sqlite:///..."} or tracking={"uri": ...}',
        }
    else:
        assert to_python(remedy) == expected


def test_errors_of_the_functions_speak_python() -> None:
    mlflow.set_tracking_uri("sqlite:///own.db")
    publish: dict[str, Any] = {"name": "a", "saver": QUICK}
    first = modelpact.publish(MODEL, X, X.a, **publish)
    gate = {"compatibility": "backward"}
    wider = X.assign(b=1.0)
    with pytest.raises(modelpact.PactError) as raised:
        modelpact.publish(Ridge(), wider, X.a, register=gate, **publish)
    assert 'register={"waivers": [{"rule": "INPUT_REQUIRED_ADDED"' in str(raised.value)
    assert raised.value.receipt is not None
    assert raised.value.receipt.error == f"CompatibilityError: {raised.value}"
    with pytest.raises(modelpact.PactError, match=r'such as saver=\{"path": "model"\}'):
        modelpact.log_model(MODEL, X, name="a/b")
    assert first.model_uri is not None
    [folder] = Path("mlruns").glob(f"*/models/{first.model_uri[8:]}/artifacts")
    (folder / "requirements.txt").write_text("changed", encoding="utf-8")
    with pytest.raises(modelpact.PactError, match='as they are: integrity="off"'):
        modelpact.load("models:/a/1")
    with pytest.raises(modelpact.PactError, match=r'write it: signer=\{"_target_": "expl'):
        modelpact.sign(MODEL, X, signer="explicit")


def test_text_is_quoted_for_python_only() -> None:
    with pytest.raises(modelpact.PactError, match='got 5; as text, write "5"\n'):
        modelpact.log_model(MODEL, X, saver={"path": 5})


def test_the_command_line_keeps_its_overrides() -> None:
    with caller_reports_errors(), pytest.raises(modelpact.PactError, match=r"saver\.path=model"):
        modelpact.log_model(MODEL, X, name="a/b")
