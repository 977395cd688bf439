"""Creation of versions, with the means to undo it when a later step fails."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from modelpact._internal.mlflow_errors import suppress_codes
from modelpact.errors import AliasError, PactError, RegisterError
from modelpact.registry.aliases import Aliases
from modelpact.registry.descriptions import describe_contract
from modelpact.tracking import remote_store

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel

    from modelpact.types import Signature, Version

__all__ = ["UndoStack", "create_version", "defer_to_existing", "move_aliases"]


class UndoStack(contextlib.ExitStack):
    """Steps that undo a registration, run in reverse order on exit.

    Attributes:
        failed: The steps that could not be undone.
    """

    def __init__(self) -> None:
        super().__init__()
        self.failed: list[str] = []

    def add(self, what: str, function: Callable[..., None], *arguments: object) -> None:
        """Add a step: call `function` to undo `what`."""
        self.callback(self._undo, what, function, *arguments)

    def _undo(self, what: str, function: Callable[..., None], *arguments: object) -> None:
        from mlflow.exceptions import MlflowException

        try:
            function(*arguments)
        except (MlflowException, PactError):
            self.failed.append(what)


def move_aliases(
    client: MlflowClient, version: Version, aliases: list[str], undo: UndoStack
) -> None:
    """Move aliases to a version.

    Args:
        client: A client for the open store.
        version: The version.
        aliases: The aliases.
        undo: Gets the steps that move the aliases back.

    Raises:
        AliasError: An alias is protected, or could not be moved.
        MlflowException: The store failed.
    """
    from mlflow.exceptions import MlflowException

    number = int(version.version)
    for alias in aliases:
        writer = Aliases(client, version.name)
        before = writer.settled_state(alias).current
        undo.add(f"the alias {alias}", _move_back, writer, alias, before, number)
        try:
            writer.move(alias, number, by="register")
        except AliasError as error:
            # the undo stack reports what is left of the move
            if isinstance(error.__cause__, MlflowException):
                raise error.__cause__ from None
            error.message = f"no version of {version.name} was registered: {error.message}"
            raise


def _move_back(aliases: Aliases, alias: str, before: int | None, version: int) -> None:
    """Move an alias back to `before`, unless it was moved again meanwhile."""
    if aliases.state(alias).current == version != before:
        reason = f"version {version} could not be registered"
        aliases.move(alias, before, by="undo", expected=version, why=reason)


def create_version(
    client: MlflowClient,
    name: str,
    model: LoggedModel,
    tags: dict[str, str],
    undo: UndoStack,
    *,
    signature: Signature | None = None,
) -> Version:
    """Create a version, described by its contract, and the registered model if it does not exist.

    Args:
        client: A client for the open store.
        name: The registered model.
        model: The saved model.
        tags: The tags of the version.
        undo: Gets the steps that delete both.
        signature: The contract of the model.
    """
    description = describe_contract(signature)

    def create() -> Version:
        return remote_store.create_once(
            lambda: client.create_model_version(
                name,
                source=model.model_uri,
                run_id=model.source_run_id,
                model_id=model.model_id,
                tags=tags,
                description=description,
            ),
            find_created,
        )

    def find_created() -> Version | None:
        found = client.search_model_versions(f"source_path = '{model.model_uri}'")
        own = [version for version in found if version.name == name]
        return max(own, key=lambda version: int(version.version), default=None)

    version = _create_first_or_next(client, name, create, undo)
    undo.add(f"version {version.version}", client.delete_model_version, name, version.version)
    return version


def _create_first_or_next(
    client: MlflowClient, name: str, create: Callable[[], Version], undo: UndoStack
) -> Version:
    with suppress_codes("RESOURCE_DOES_NOT_EXIST"):
        return create()
    # another process may create it meanwhile
    with suppress_codes("RESOURCE_ALREADY_EXISTS"):
        client.create_registered_model(name)
        undo.add("the registered model", _delete_if_empty, client, name)
    return create()


def _delete_if_empty(client: MlflowClient, name: str) -> None:
    """Delete a registered model, unless another process has added a version."""
    if not client.get_registered_model(name).latest_versions:
        client.delete_registered_model(name)


def defer_to_existing(
    client: MlflowClient, own: Version, first: Version, model: LoggedModel, undo: UndoStack
) -> Version:
    """Return the version that another process created first for the same job.

    The own version has been deleted by `undo`; its model is marked as FAILED here.

    Args:
        client: A client for the open store.
        own: The own version, deleted.
        first: The version that is kept.
        model: The model of `own`.
        undo: The undo stack that deleted `own`.

    Raises:
        RegisterError: The own version could not be deleted, or `first` was deleted meanwhile.
    """
    if undo.failed:
        raise RegisterError(
            f"version {first.version} of {own.name} is of the same job, "
            f"and version {own.version} could not be deleted",
            remedy=f"Delete version {own.version}.",
            name=own.name,
        )
    if not client.search_model_versions(f"source_path = '{model.model_uri}'", max_results=1):
        client.finalize_logged_model(model.model_id, "FAILED")
    with suppress_codes("RESOURCE_DOES_NOT_EXIST"):
        return client.get_model_version(first.name, first.version)
    raise RegisterError(
        f"version {first.version} of {own.name} was of the same job, but it was deleted meanwhile",
        remedy="Nothing was registered; run the job again.",
        name=own.name,
        version=str(first.version),
    )
