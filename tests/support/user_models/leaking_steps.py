"""Steps that write the texts of a file wherever a user's class may write: see `tests.support.canaries`."""

from __future__ import annotations

import json
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from modelpact.data import InlineData
from modelpact.models import Model
from modelpact.registers import MlflowRegister
from modelpact.signers import InferSigner
from modelpact.types import Check
from modelpact.verifiers import ReplayVerifier

BASE_ERRORS = {"exit": SystemExit, "base": BaseException}


def leak(stage: str) -> None:
    """Write the texts for a stage: `log:LEVEL`, `warn`, `print`, `stderr`; raise the other ones.

    `exit` ends the program with a text, and `base` raises an error that is not an `Exception`.
    """
    content = json.loads(Path(os.environ["LAB_FILE"]).read_text(encoding="utf-8"))
    log = logging.getLogger("modelpact.leaking_steps")
    texts = [(kind, text) for kind, text in content.get(stage, [])]
    for kind, text in texts:
        if kind.startswith("log:"):
            log.log(int(kind[4:]), "for %s", text)
        elif kind == "log_exception":
            try:
                raise KeyError(text)
            except KeyError:
                log.exception("a problem")
        elif kind == "warn":
            warnings.warn(text, stacklevel=1)
        elif kind in {"print", "stderr"}:
            print(text, file=sys.stdout if kind == "print" else sys.stderr)
        elif kind == "apart":
            sys.stderr.write("api_key: ")
            sys.stderr.write(f"{text}\n")
        elif kind in BASE_ERRORS:
            raise BASE_ERRORS[kind](text)
    raised = [text for kind, text in texts if kind == "raise"]
    if raised:
        _raise(raised, texts)


def _raise(raised: list[str], texts: list[Any]) -> None:
    error: Exception = RuntimeError("\n".join(raised))
    for kind, text in texts:
        if kind == "note":
            error.add_note(text)
        elif kind == "group":
            error = ExceptionGroup(str(error), [ValueError(text), error])
    try:
        raise OSError("; ".join(text for kind, text in texts if kind == "context"))
    except OSError:
        raise error from LookupError("; ".join(text for kind, text in texts if kind == "cause"))


class LeakingModel(Model):
    """Predicts the first column."""

    at: str = ""
    note: str = ""

    def fit(self, inputs: Any, targets: Any) -> None:
        """Leak, if the stage is `fit`."""
        self._leak("fit")

    def predict(self, inputs: Any, params: dict[str, Any] | None = None) -> Any:
        """Leak, if the stage is `predict` or the first cell is 13."""
        values = inputs.iloc[:, 0].to_numpy(dtype=float)
        self._leak("predict")
        if 13.0 in values:
            leak("served")
        return values

    def predict_stream(self, inputs: Any, params: dict[str, Any] | None = None) -> Iterator[str]:
        """Yield a text, then leak."""
        yield "a"
        leak("stream")

    def lineage_tags(self) -> dict[str, str]:
        """Return a tag that leaks, if the stage is `tag`."""
        texts = json.loads(Path(os.environ["LAB_FILE"]).read_text(encoding="utf-8"))
        return {"by": texts["tag"][0][1]} if self.at == "tag" else {}

    def dump(self, folder: Path) -> None:
        """Leak, if the stage is `save`; write a text, if it is `file`."""
        self._leak("save")
        if self.at == "file":
            texts = json.loads(Path(os.environ["LAB_FILE"]).read_text(encoding="utf-8"))
            (folder / "state.txt").write_text(texts["file"][0][1], encoding="utf-8")

    def load(self, folder: Path) -> None:
        """Leak, if the stage is `load`."""
        self._leak("load")

    def _leak(self, stage: str) -> None:
        if stage == self.at:
            leak(stage)


class LeakingData(InlineData):
    """Leaks in `read`, if the stage is `read`."""

    at: str = ""

    def read(self) -> Any:
        if self.at == "read":
            leak("read")
        return super().read()


class LeakingSigner(InferSigner):
    """Leaks in `sign`, if the stage is `sign`."""

    at: str = ""

    def sign(self, *arguments: Any, **options: Any) -> Any:
        if self.at == "sign":
            leak("sign")
        return super().sign(*arguments, **options)


class LeakingVerifier(ReplayVerifier):
    """Leaks in a check, if the stage is `verify` or `check`."""

    at: str = ""

    def checks(self, *arguments: Any) -> Iterator[Check]:
        yield from super().checks(*arguments)
        if self.at == "verify":
            leak("verify")
        if self.at in {"check", "code"}:
            texts = json.loads(Path(os.environ["LAB_FILE"]).read_text(encoding="utf-8"))
            text = texts[self.at][0][1]
            code = text if self.at == "code" else "LEAKS"
            yield Check(code=code, ok=self.at == "code", detail=text)


class LeakingRegister(MlflowRegister):
    """Leaks in `register`, if the stage is `register`."""

    at: str = ""

    def register(self, *arguments: Any, **options: Any) -> Any:
        if self.at == "register":
            leak("register")
        return super().register(*arguments, **options)
