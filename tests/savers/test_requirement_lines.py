"""Lines of requirements are read before a model is saved with them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from modelpact.errors import SaveError
from modelpact.savers.requirement_lines import check_requirements, check_saved_requirements


@pytest.mark.parametrize(
    "line",
    ["a", "a==1.0", "a[b]>=1,<2  # why", "# note", "", "a; python_version < '3'", "a-b==1+cu12"],
)
def test_requirements_by_name(line: str) -> None:
    check_requirements([line], "here", ())


@pytest.mark.parametrize(
    ("line", "allowed"),
    [
        ("--index-url https://x/", "--index-url"),
        ("--extra-index-url=https://x/", "--extra-index-url"),
        ("-i https://x/", "-i"),
        ("--find-links /x", "--find-links"),
        ("-f /x", "-f"),
        ("-r other.txt", "-r"),
        ("-c other.txt", "-c"),
        ("--trusted-host x", "--trusted-host"),
        ("a==1 --hash=sha256:00", "--hash"),
        ("https://x/a.whl", "url"),
        ("a @ https://x/a.whl", "url"),
        ("git+https://x/a", "url"),
        ("./a", "url"),
        ("/x/a.whl", "url"),
    ],
)
def test_other_places_are_allowed_by_name(line: str, allowed: str) -> None:
    with pytest.raises(SaveError, match="here, line 2: "):
        check_requirements(["b", line], "here", ())
    check_requirements([line], "here", (allowed,))


@pytest.mark.parametrize(
    "line", ["a=1", "a==", "==1", "a b", "-e ./a", "a==${VERSION}", "-ihttps://x", "a # b\n-i x"]
)
def test_malformed_requirements(line: str) -> None:
    with pytest.raises(SaveError, match="here, line 1: "):
        check_requirements([line], "here", ())


INDEX = "--index-url https://x/"


@pytest.mark.parametrize("model", ["", "artifacts/state/model/"])
@pytest.mark.parametrize(
    ("name", "text", "number"),
    [
        ("requirements.txt", f"a\n{INDEX}\n", 2),
        ("conda.yaml", f"dependencies: [python, {{pip: [a, b, {INDEX}]}}]", 3),
        ("conda.yaml", f"dependencies: [{{pip: [a]}}, {{pip: [{INDEX}]}}]", 2),
        ("python_env.yaml", f"build_dependencies: [pip]\ndependencies: [{INDEX}]", 2),
        ("python_env.yaml", f"build_dependencies: [{INDEX}]", 1),
    ],
)
def test_all_files_of_a_model_are_checked(model: str, name: str, text: str, number: int) -> None:
    folder = Path(model)
    folder.mkdir(parents=True, exist_ok=True)
    for file in ("MLmodel", f"{model}MLmodel"):
        Path(file).touch()
    (folder / name).write_text(text)
    message = f"{model}{name} of the model, line {number}: .*--index-url"
    with pytest.raises(SaveError, match=message):
        check_saved_requirements(Path(), ())
    check_saved_requirements(Path(), ["--index-url"])


@pytest.mark.parametrize("name", ["conda.yaml", "python_env.yaml"])
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "invalid YAML"),
        ("[" * 300, "invalid YAML"),
        ("dependencies: a", "dependencies is not a list"),
        ("dependencies: [pip: a]", "pip is not a list|not text"),
        ("dependencies: [pip: [1]]", "not text"),
        ("a", "dependencies is not a list"),
    ],
)
def test_malformed_files_are_refused(name: str, text: str, reason: str) -> None:
    Path("MLmodel").touch()
    Path(name).write_text(text)
    with pytest.raises(
        SaveError, match=rf"^{re.escape(name)} of the model is malformed: .*({reason})"
    ):
        check_saved_requirements(Path(), ())


@pytest.mark.parametrize(
    "text", ["", "name: a", "dependencies: [python=3.11, c::d, pip]", "dependencies: [pip: [a]]"]
)
def test_other_conda_files_are_accepted(text: str) -> None:
    Path("MLmodel").touch()
    Path("conda.yaml").write_text(text)
    Path("python_env.yaml").write_text("dependencies: [-r requirements.txt]")
    check_saved_requirements(Path(), ())
