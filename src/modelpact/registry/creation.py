"""Making a version, moving aliases to it, and taking all of that back."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from modelpact.errors import AliasError, PactError, RegisterError
from modelpact.registry.aliases import Aliases
from modelpact.tracking import remote_store

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel

    from modelpact.types import Version

__all__ = ["Undo", "create_version", "defer_to_existing", "move_aliases"]


class Undo(contextlib.ExitStack):
    """What is to be taken back if more goes wrong; `left` is what could not be."""

    def __init__(self) -> None:
        super().__init__()
        self.left: list[str] = []

    def later(self, what: str, function: Callable[..., None], *arguments: object) -> None:
        """Take back one thing by calling a function."""
        self.callback(self._take_back, what, function, *arguments)

    def _take_back(self, what: str, function: Callable[..., None], *arguments: object) -> None:
        from mlflow.exceptions import MlflowException

        try:
            function(*arguments)
        except (MlflowException, PactError):
            self.left.append(what)


def _delete_if_empty(client: MlflowClient, name: str) -> None:
    """Take back a registered model that was made here, unless somebody else has put a version into it."""
    if not client.get_registered_model(name).latest_versions:
        client.delete_registered_model(name)


def move_aliases(client: MlflowClient, version: Version, aliases: list[str], undo: Undo) -> None:
    """Let aliases name a version; the only place where registering moves any.

    Args:
        client: A client for the open store.
        version: What they are to name.
        aliases: The aliases.
        undo: Learns how to put them back.

    Raises:
        AliasError: One is protected, or could not be moved.
        MlflowException: The store refused.
    """
    from mlflow.exceptions import MlflowException

    for alias in aliases:
        found = Aliases(client, version.name)
        undo.later(
            f"the alias {alias}",
            _put_back,
            found,
            alias,
            found.settled_state(alias).current,
            int(version.version),
        )
        try:
            found.move(alias, int(version.version), by="register")
        except AliasError as error:
            if isinstance(
                error.__cause__, MlflowException
            ):  # what is left of it is for the undoing to say
                raise error.__cause__ from None
            error.message = f"no version of {version.name} was registered: {error.message}"
            raise


def _put_back(aliases: Aliases, alias: str, before: int | None, version: int) -> None:
    """Let an alias name the version it named before, or none; where somebody else has moved it since, it stays."""
    if aliases.state(alias).current == version != before:
        aliases.move(
            alias,
            before,
            by="undo",
            expected=version,
            why=f"version {version} could not be registered",
        )


def create_version(
    client: MlflowClient, name: str, model: LoggedModel, tags: dict[str, str], undo: Undo
) -> Version:
    """Create a version, and the registered model where there is none.

    Args:
        client: A client for the open store.
        name: The registered model.
        model: What the version is made of.
        tags: Put on the version.
        undo: Learns how to take both back.
    """

    def create() -> Version:
        return remote_store.create_once(
            lambda: client.create_model_version(
                name,
                source=model.model_uri,
                run_id=model.source_run_id,
                model_id=model.model_id,
                tags=tags,
            ),
            created,
        )

    def created() -> Version | None:
        found = client.search_model_versions(f"source_path = '{model.model_uri}'")
        own = [version for version in found if version.name == name]
        return max(own, key=lambda version: int(version.version), default=None)

    version = _first_or_next(client, name, create, undo)
    undo.later(f"version {version.version}", client.delete_model_version, name, version.version)
    return version


def _first_or_next(
    client: MlflowClient, name: str, create: Callable[[], Version], undo: Undo
) -> Version:
    from mlflow.exceptions import MlflowException

    try:
        return create()
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
    try:
        client.create_registered_model(name)
        undo.later("the registered model", _delete_if_empty, client, name)
    except MlflowException as error:  # somebody else was faster
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    return create()


def defer_to_existing(
    client: MlflowClient, own: Version, first: Version, model: LoggedModel, undo: Undo
) -> Version:
    """Leave a job to who was first with it: our version was taken back, and our model is marked as FAILED.

    Args:
        client: A client for the open store.
        own: The version that was taken back.
        first: The one that is kept.
        model: What `own` was made of.
        undo: How it was taken back.

    Returns:
        The one that is kept, as it is now.

    Raises:
        RegisterError: That could not be done, or the other version is gone as well by now.
    """
    from mlflow.exceptions import MlflowException

    if undo.left:
        raise RegisterError(
            f"version {first.version} of {own.name} is of the same job, and version {own.version} could not be taken back",
            remedy=f"Delete version {own.version}.",
            name=own.name,
        )
    if not client.search_model_versions(f"source_path = '{model.model_uri}'", max_results=1):
        client.finalize_logged_model(model.model_id, "FAILED")
    try:
        return client.get_model_version(first.name, first.version)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        raise RegisterError(
            f"version {first.version} of {own.name} was of the same job, and was taken back meanwhile",
            remedy="Nothing was registered: run it again.",
            name=own.name,
            version=str(first.version),
        ) from error
