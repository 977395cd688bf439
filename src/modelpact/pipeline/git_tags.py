"""MLflow's tags of the Git commit that a run was started from."""

from __future__ import annotations

import contextlib
from pathlib import Path

__all__ = ["git_tags"]


def git_tags() -> dict[str, str]:
    """Return the commit, the branch and the URL of the repository of the working folder.

    MLflow looks for the repository of the started script, so it finds none for `modelpact` and
    notebooks. The result is empty if there is no repository, no commit, or no Git.
    """
    folder = Path.cwd()
    if not any((parent / ".git").exists() for parent in (folder, *folder.parents)):
        return {}
    from mlflow.utils.git_utils import get_git_branch, get_git_repo_url
    from mlflow.utils.mlflow_tags import MLFLOW_GIT_BRANCH, MLFLOW_GIT_COMMIT, MLFLOW_GIT_REPO_URL

    # MLflow's own function starts Git twice, and ignores folders that Git ignores.
    commit = None
    with contextlib.suppress(ImportError, OSError, ValueError):
        from git import GitError, Repo, SymbolicReference

        with contextlib.suppress(GitError), Repo(folder, search_parent_directories=True) as repo:
            commit = SymbolicReference.dereference_recursive(repo, "HEAD")
    if commit is None:
        return {}
    tags = {
        MLFLOW_GIT_COMMIT: commit,
        MLFLOW_GIT_BRANCH: get_git_branch(str(folder)),
        MLFLOW_GIT_REPO_URL: get_git_repo_url(str(folder)),
    }
    return {name: value for name, value in tags.items() if value is not None}
