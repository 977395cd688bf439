"""The Git tags of a run, with real repositories."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from modelpact.pipeline.git_tags import git_tags

COMMIT, BRANCH, URL = (f"mlflow.source.git.{name}" for name in ("commit", "branch", "repoURL"))


def git(*arguments: str) -> str:
    """Run Git in the working folder."""
    names = ["-c", "user.name=Ann", "-c", "user.email=ann@example.org"]
    done = subprocess.run(["git", *names, *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a repository with one commit on the branch `topic`; it is the working folder."""
    folder = tmp_path / "repository"
    folder.mkdir()
    monkeypatch.chdir(folder)
    git("init", "-q", "-b", "topic")
    git("commit", "-q", "--allow-empty", "-m", "first")
    return folder


def test_commit_and_branch_are_found_in_any_folder_of_a_repository(repository: Path) -> None:
    commit = git("rev-parse", "HEAD")
    (repository / "ignored" / "deep").mkdir(parents=True)
    (repository / ".gitignore").write_text("ignored\n")
    for folder in (".", "ignored/deep"):
        os.chdir(repository / folder)
        assert git_tags() == {COMMIT: commit, BRANCH: "topic"}


def test_the_url_has_no_credentials(repository: Path) -> None:
    git("remote", "add", "origin", "https://ann:token@example.org/houses.git")
    assert git_tags()[URL] == "https://example.org/houses.git"


def test_a_detached_head_and_packed_references_have_a_commit(repository: Path) -> None:
    commit = git("rev-parse", "HEAD")
    git("pack-refs", "--all")
    assert git_tags()[COMMIT] == commit
    git("checkout", "-q", "--detach")
    assert git_tags() == {COMMIT: commit}


def test_a_worktree_has_its_own_commit(repository: Path) -> None:
    git("worktree", "add", "-q", "../tree", "-b", "other")
    os.chdir("../tree")
    git("commit", "-q", "--allow-empty", "-m", "second")
    assert git_tags() == {COMMIT: git("rev-parse", "HEAD"), BRANCH: "other"}


def test_without_a_commit_or_a_repository_there_are_no_tags(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert git_tags() == {}
    (tmp_path / ".git").mkdir()
    assert git_tags() == {}
    git("init", "-q")
    assert git_tags() == {}
