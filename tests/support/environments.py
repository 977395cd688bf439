"""Virtual environments with what single tests need beside the packages of the test's own environment.

Each is a layer over the environment that runs the tests: its packages are visible, and pip installs only
those that are missing or have another version. An environment is created once, within the environment
below, and again when its requirements change. `python -m tests.support.environments` creates all of them.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

from filelock import FileLock

from tests.support.paths import ROOT, SUPPORT

EXTRAS = ("joblib", "optuna", "ray", "submitit")
# Spark is a program for Java.
ENGINES = ("spark",) if shutil.which("java") else ()


def extras() -> Path:
    """Return the programs of an environment with all extras, PostgreSQL and an S3 server."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    optional = project["optional-dependencies"]
    packages = [each for extra in (*EXTRAS, *ENGINES) for each in optional[extra]]
    constraints, stores = ROOT / "constraints.txt", SUPPORT / "store_requirements.txt"
    programs = _create("extras", "-c", constraints, "-r", stores, *packages)
    script = programs / "modelpact"
    if not script.exists():
        main = (ROOT / "run.py").read_text(encoding="utf-8")
        script.write_text(f"#!{programs / 'python'}\n{main}", encoding="utf-8")
        script.chmod(0o755)
    return programs


def litellm() -> Path:
    """Return the programs of an environment with LiteLLM's proxy, which needs an older `openai`."""
    return _create("litellm", "-r", ROOT / "examples" / "litellm" / "requirements.txt")


def openapi_tools() -> Path:
    """Return the programs of an environment with a client generator and a fuzzer for OpenAPI."""
    return _create("tools", "openapi-python-client>=0.26,<1", "schemathesis>=4,<5")


def _create(name: str, *requirements: object) -> Path:
    files = [each.read_text(encoding="utf-8") for each in requirements if isinstance(each, Path)]
    key = hashlib.sha256(f"{files} {requirements}".encode()).hexdigest()[:12]
    folder = Path(sys.prefix) / "test-environments" / f"{name}-{key}"
    folder.parent.mkdir(exist_ok=True)
    complete = folder / "complete"
    python = folder / "bin" / "python"
    with FileLock(f"{folder}.lock"):
        if not complete.exists():
            _run(folder, sys.executable, "-m", "venv", "--clear", "--without-pip", folder)
            (site,) = folder.glob("lib/python*/site-packages")
            below = sysconfig.get_path("purelib")
            # `addsitedir` reads the .pth files there, one of which makes modelpact importable.
            (site / "below.pth").write_text(f"import site; site.addsitedir({below!r})\n")
            _run(folder, python, "-m", "pip", "install", "--quiet", *requirements)
            complete.touch()
    return folder / "bin"


def _run(folder: Path, *command: object) -> None:
    log = folder.with_suffix(".log")
    hidden = {"PYTHONPATH", "VIRTUAL_ENV"}
    known = {name: value for name, value in os.environ.items() if name not in hidden}
    with log.open("wb") as output:
        arguments = [str(part) for part in command]
        done = subprocess.run(arguments, env=known, stdout=output, stderr=output, check=False)
    assert done.returncode == 0, log.read_text(encoding="utf-8", errors="replace")[-4000:]


if __name__ == "__main__":
    for create in (extras, litellm, openapi_tools):
        create()
