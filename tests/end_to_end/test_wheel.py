"""The wheel is complete: it runs in a new environment, in another folder, without the source."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow


def call(*command: object, cwd: Path, expect: int = 0) -> subprocess.CompletedProcess[str]:
    environment = {
        key: value for key, value in os.environ.items() if key not in {"PYTHONPATH", "VIRTUAL_ENV"}
    }
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == expect, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of the source."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in ("src", "conf"):
        shutil.copytree(ROOT / name, source / name, ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, source / name)
    build = (sys.executable, "-m", "build", "--wheel", "--no-isolation")
    call(*build, "--outdir", folder / "dist", source, cwd=folder)
    (built,) = (folder / "dist").glob("*.whl")
    shutil.rmtree(source)
    return built


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment with the wheel, which shares the other packages of this one."""
    folder = tmp_path_factory.mktemp("environment")
    call(sys.executable, "-m", "venv", "--without-pip", folder / "venv", cwd=folder)
    (site,) = (folder / "venv" / "lib").glob("python*/site-packages")
    (site / "shared.pth").write_text(
        sysconfig.get_path("purelib") + "\n"
    )  # its own .pth files are not read: no editable install
    call(
        folder / "venv" / "bin" / "python",
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--force-reinstall",
        wheel,
        cwd=folder,
    )
    return folder / "venv" / "bin"


def test_the_wheel_contains_all_modules_and_config_files(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    modules = {
        f"modelpact/{path.relative_to(ROOT / 'src' / 'modelpact')}"
        for path in (ROOT / "src" / "modelpact").rglob("*.py")
    }
    options = {
        f"modelpact/conf/{path.relative_to(ROOT / 'conf')}"
        for path in (ROOT / "conf").rglob("*.yaml")
    }
    schemas = {
        f"modelpact/cli/schemas/{path.name}"
        for path in (ROOT / "src/modelpact/cli/schemas").iterdir()
    }
    assert (modules | options | schemas | {"modelpact/py.typed"}) - names == set()
    assert not [name for name in names if name.startswith(("tests", "benchmarks", "src"))]


def test_the_installed_wheel_publishes_from_any_folder(environment: Path, tmp_path: Path) -> None:
    where = call(
        environment / "python", "-c", "import modelpact; print(modelpact.__file__)", cwd=tmp_path
    ).stdout.strip()
    assert Path(where).is_relative_to(environment.parent)
    done = call(environment / "modelpact", "signer=infer", "verifier=clean", cwd=tmp_path)
    assert done.stdout.startswith("registered diabetes version 1")
    (receipt,) = tmp_path.glob("outputs/*/*/receipt.json")
    assert json.loads(receipt.read_text())["status"] == "ok"


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--cfg", "job"], ["signer=explicit", "data=iris", "--cfg", "job"]]
)
def test_the_installed_wheel_prints_its_help_and_configuration(
    arguments: list[str], environment: Path, tmp_path: Path
) -> None:
    assert "signer" in call(environment / "modelpact", *arguments, cwd=tmp_path).stdout


def test_the_installed_wheel_reports_errors(environment: Path, tmp_path: Path) -> None:
    done = call(environment / "modelpact", "signer=infr", cwd=tmp_path, expect=2)
    assert "did you mean 'infer'?" in done.stderr
