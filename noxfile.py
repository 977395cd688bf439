"""The commands of a contributor: `nox -s lint types test coverage slow docs bench nightly`.

They run in the active environment, which `pip install -e ".[test]" -c constraints.txt` prepares.
"""

from __future__ import annotations

import nox

nox.options.default_venv_backend = "none"
nox.options.sessions = ["lint", "types", "test"]

COVERAGE = (
    "--cov=modelpact",
    "--cov-branch",
    "--cov-report=term:skip-covered",
    "--cov-fail-under=95",
)

BENCHMARKS = (
    "startup",
    "infer",
    "enforce",
    "gate",
    "job",
    "sweep",
    "chat",
    "batch",
    "serve",
    "http_costs",
)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, formatting and the direction of imports."""
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("lint-imports")


@nox.session
def types(session: nox.Session) -> None:
    """Check types in src and tests."""
    session.run("mypy")


@nox.session
def test(session: nox.Session) -> None:
    """Run the fast tests; arguments after `--` go to pytest."""
    session.run("pytest", *session.posargs)


@nox.session
def coverage(session: nox.Session) -> None:
    """Run the fast tests with branch coverage, which doubles their time."""
    session.run("pytest", *COVERAGE, *session.posargs)


@nox.session
def slow(session: nox.Session) -> None:
    """Run the tests that take long or need other programs."""
    session.run("pytest", "-m", "(slow or litellm) and not exhaustive", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Run every example of the documentation."""
    session.run("pytest", "-m", "", "tests/docs", "tests/test_docstrings.py", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Run the benchmarks, or those named after `--`."""
    for name in session.posargs or BENCHMARKS:
        session.run("python", f"benchmarks/{name}.py")


@nox.session
def nightly(session: nox.Session) -> None:
    """Run all tests with random properties, the exhaustive cases and branch coverage."""
    options = ("-m", "", *COVERAGE, *session.posargs)
    session.run("pytest", *options, env={"HYPOTHESIS_PROFILE": "full"})
