"""The folder in which bad inputs run: good and bad files, a store, and damaged models."""

from __future__ import annotations

import json
import os
from pathlib import Path

from sklearn.linear_model import Ridge

from modelpact import publish
from modelpact.loaders import BuiltinLoader, CustomLoader
from modelpact.models import Model, SklearnModel
from modelpact.savers import BuiltinSaver, CustomSaver
from tests.support.bad_inputs import model_cases
from tests.support.bad_inputs.contents import FILES, JSONS, ROWS, SUFFIXES, TEXTS, YAMLS
from tests.support.model_stubs import folder_of
from tests.support.publishing import steps
from tiny_models import Doubler


def prepare(folder: Path) -> None:
    """Fill an empty folder, which is the working folder."""
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    (folder / "good.csv").write_text("a,b,price\n" + ROWS, encoding="utf-8")
    (folder / "good.jsonl").write_text(
        "".join(json.dumps({"a": n, "b": n * 2, "price": n * 3}) + "\n" for n in range(10))
    )
    (folder / "good.yaml").write_text("inputs: {a: double, b: double}\noutputs: float64[-1]\n")
    (folder / "folder.d").mkdir()
    for suffix in ("", *SUFFIXES):
        _make_special_files(folder, suffix)
    config = folder / "conf"
    for group in ("contract", "data", "model", "experiment", "task", "tracking"):
        (config / group).mkdir(parents=True)
    for name, content in {**TEXTS, **YAMLS, **JSONS}.items():
        for group in ("contract", "data", "experiment"):
            (config / group / f"{name}.yaml").write_bytes(content)
    (config / "data" / "fifo.yaml").symlink_to("../../fifo")
    (config / "data" / "loop.yaml").symlink_to("loop.yaml")
    (config / "data" / "dangling.yaml").symlink_to("nothing")
    (config / "data" / "folder.yaml").mkdir()
    (config / "data" / "null.yaml").symlink_to("/dev/null")
    sources = {
        model_cases.OWN: _publish("houses"),
        model_cases.RIDGE: _publish("ridge", SklearnModel(estimator=Ridge())),
        model_cases.FLAVOR: _publish("flavor", SklearnModel(estimator=Ridge()), builtin=True),
    }
    model_cases.damage_models(sources, folder)


def _make_special_files(folder: Path, suffix: str) -> None:
    (folder / f"folder{suffix}").mkdir()
    os.mkfifo(folder / f"fifo{suffix}")
    for name in ("zero", "null", "full"):
        (folder / f"{name}{suffix}").symlink_to(f"/dev/{name}")
    (folder / f"dangling{suffix}").symlink_to("nowhere/nothing")
    (folder / f"loop{suffix}").symlink_to(f"loop{suffix}")


def _publish(name: str, model: Model | None = None, *, builtin: bool = False) -> Path:
    saver = BuiltinSaver if builtin else CustomSaver
    loader = BuiltinLoader() if builtin else CustomLoader()
    receipt = publish(
        **steps(
            name=name,
            model=model or Doubler(),
            saver=saver(pip_requirements=["numpy"]),
            loader=loader,
        )
    )
    return folder_of(str(receipt.model_uri))
