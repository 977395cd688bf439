"""Inputs of the list that are rightly accepted, or that only a fitted model can refuse."""

from __future__ import annotations

import re

__all__ = ["find_reason", "shows_late"]

_ACCEPTED: dict[str, str] = {
    r".* own, (form|hinted|no code)|.* ridge, trusted (object|null)": "nothing that runs depends on it",
    r"(load|MlflowModel) flavor, (python_version|env|code|model_uuid|unknown|mlflow_version|utc"
    r"|saved_input|pickle of a dict|pickle of None).*": "MLflow does not need it to load the model",
    r"(check|export|diff) (own|ridge|flavor), .*": "the task reads the MLmodel file only",
    r"(resign|model=mlflow|MlflowModel) flavor, no signature": "the task gives the model a signature",
    r"option is a path|group as list|plus group|double plus": "Hydra's syntax has it",
    r"repeated (override|group|sweep)": "the last one applies, as Hydra documents it",
    r"hydra.run.dir to folder": "the files of the run are written there",
    r"saver\.path (backslash|long)": "MLflow takes the name",
    r"code_paths (same name|here|empty)": "the files are copied",
    r"flavor empty|aliases|columns target|alpha list": "the meaning is clear",
    r"decimal separator": "numbers in quotes may contain the separator",
    r"seed huge|params (nan|deep)": "NumPy and MLflow take the value",
    r"protect lift|repair file": "there is nothing to do",
    r"experiment=(empty|html|lone-quote)": "the recipe sets nothing",
    r"publish jsonl: lines-duplicate": "the rows are complete",
    r"(predict|check|resign|inspect) csv: (no-target|infinite|huge-cell|words|lines-\w+)": "the task needs no more of the file than it has",
    r"saver\.config_file: json-(nan|infinity|huge)": "Python's JSON has such numbers",
    r"tracking\.uri(: empty| at missing)": "a new store is created there",
}

_LATE = (
    r"alpha (nan|text|huge)|publish \w+: (words|infinite|huge-cell|lines-huge)|signer=example .*"
)


def find_reason(name: str) -> str:
    """Return why an input is rightly accepted; an empty text if it must be refused."""
    reasons = (reason for pattern, reason in _ACCEPTED.items() if re.fullmatch(pattern, name))
    return next(reasons, "")


def shows_late(name: str) -> bool:
    """Return whether only the model itself can find the fault, while it is fitted."""
    return re.fullmatch(_LATE, name) is not None
