"""Options of a third-party package are used without changes to modelpact."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.commands import CommandRunner, modelpact

__all__ = ["modelpact"]  # the fixture

PYPROJECT = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "careful-steps"
version = "1.0"

[project.entry-points."modelpact.conf"]
careful_steps = "careful_steps.conf"

[tool.setuptools]
packages = ["careful_steps", "careful_steps.conf", "careful_steps.conf.signer", "careful_steps.conf.model"]

[tool.setuptools.package-data]
"*" = ["*.yaml"]
"""

CODE = '''
from modelpact.errors import SignError
from modelpact.models import Model
from modelpact.signers import InferSigner


class CarefulSigner(InferSigner):
    """Infers, and refuses more columns than it is told."""

    most: int = 20

    def sign(self, inputs, outputs, *, params=None, model=None):
        if inputs.shape[1] > self.most:
            raise SignError(f"{inputs.shape[1]} columns are more than signer.most={self.most}", remedy="Drop some.")
        return super().sign(inputs, outputs, params=params, model=model)


class MeanModel(Model):
    """Answers the mean of each row."""

    def predict(self, inputs, params=None):
        return inputs.to_numpy(dtype=float).mean(axis=1)
'''

SIGNER = "# Infers, within limits\n_target_: careful_steps.steps.CarefulSigner\non_any: error\nself_check: true\nmost: 20\n"
MODEL = "# The mean of each row\n_target_: careful_steps.steps.MeanModel\n"


def write_distribution(folder: Path) -> None:
    """The source of the package."""
    package = folder / "careful_steps"
    (package / "conf" / "signer").mkdir(parents=True)
    (package / "conf" / "model").mkdir()
    for place in (
        package,
        package / "conf",
        package / "conf" / "signer",
        package / "conf" / "model",
    ):
        (place / "__init__.py").touch()
    (package / "steps.py").write_text(CODE)
    (package / "conf" / "signer" / "careful.yaml").write_text(SIGNER)
    (package / "conf" / "model" / "mean.yaml").write_text(MODEL)
    (folder / "pyproject.toml").write_text(PYPROJECT)


def install(folder: Path) -> Path:
    """Build the package and install it into a folder."""
    write_distribution(folder / "source")
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
    ]
    done = subprocess.run(
        [*command, "--target", str(folder / "site"), str(folder / "source")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder / "site"


@pytest.fixture(scope="module")
def with_entry_point(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(tmp_path_factory.mktemp("with_entry_point"))


@pytest.fixture(scope="module")
def without_entry_point(with_entry_point: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same package without its entry point."""
    site = shutil.copytree(
        with_entry_point, tmp_path_factory.mktemp("without_entry_point") / "site"
    )
    (entry_points,) = site.glob("*.dist-info/entry_points.txt")
    entry_points.unlink()
    return site


def run(site: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `modelpact` where the package is installed."""
    script = Path(sys.executable).with_name("modelpact")
    environment = {**os.environ, "PYTHONPATH": str(site)}
    return subprocess.run(
        [str(script), *arguments], env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
def test_an_entry_point_adds_options(
    with_entry_point: Path, modelpact: CommandRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(with_entry_point))
    ended = modelpact(
        "signer=careful", "signer.most=10", "model=mean", "saver.pip_requirements=[numpy]"
    )
    assert ended.status == 0, ended.err
    (path,) = Path().glob("outputs/*/*/receipt.json")
    receipt = json.loads(path.read_text())
    assert (receipt["steps"]["signer"], receipt["steps"]["model"], receipt["version"]) == (
        "CarefulSigner",
        "MeanModel",
        "1",
    )


@pytest.mark.slow
def test_a_third_party_model_passes_in_a_clean_process(with_entry_point: Path) -> None:
    done = run(
        with_entry_point,
        "signer=careful",
        "model=mean",
        "saver.pip_requirements=[numpy]",
        "verifier=clean",
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_errors_of_a_third_party_signer_are_reported(with_entry_point: Path) -> None:
    done = run(with_entry_point, "signer=careful", "signer.most=3")
    assert done.returncode == 1
    assert "10 columns are more than signer.most=3\nDrop some.\n" in done.stderr


@pytest.mark.slow
def test_third_party_options_are_suggested(with_entry_point: Path) -> None:
    done = run(with_entry_point, "signer=carefull")
    assert done.returncode == 2
    assert "did you mean 'careful'?" in done.stderr


@pytest.mark.slow
def test_without_an_entry_point_the_search_path_adds_options(without_entry_point: Path) -> None:
    assert run(without_entry_point, "signer=careful", "--cfg", "job").returncode == 2
    for place in (
        ["hydra.searchpath=[pkg://careful_steps.conf]"],
        ["--config-dir", str(without_entry_point / "careful_steps" / "conf")],
    ):
        done = run(without_entry_point, *place, "signer=careful", "signer.most=10", "--cfg", "job")
        assert done.returncode == 0, done.stderr
        assert "_target_: careful_steps.steps.CarefulSigner" in done.stdout
