"""Making a saved model a version that others can depend on: one class a way, each with a YAML file in `conf/register`."""

from __future__ import annotations

import contextlib
import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from modelpact import secrets, servers
from modelpact.errors import ConfigError, RegisterError
from modelpact.jobs import JOB_KEY, SWEEP, Job
from modelpact.steps import Step
from modelpact.suggestions import shortened

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel

    from modelpact.schemas import Version

__all__ = ["MlflowRegister", "NoneRegister", "Register", "check_alias"]


class Register(Step, ABC):
    """Creates versions."""

    @abstractmethod
    def check(self, name: str) -> None:
        """Refuse what would be refused at the end, before any work is done.

        Raises:
            ConfigError: The name or an alias cannot be registered.
            SecretError: A tag holds a secret.
        """

    @abstractmethod
    def find(self, name: str, job_key: str, job: Job | None = None) -> Version | None:
        """The version to return instead of doing a job again; None where the job is to be done.

        Args:
            name: The registered model.
            job_key: What the job would do.
            job: Its place in a sweep; one that is resumed may have made its version before it was cut off.

        Raises:
            RegisterError: The job was done before, and that is an error.
        """

    @abstractmethod
    def register(self, name: str, model_uri: str, *, tags: dict[str, str] | None = None) -> Version | None:
        """Create a version of `name` from a saved model.

        Args:
            name: The registered model; created when there is none.
            model_uri: `models:/<model_id>`.
            tags: Facts to put on the version.

        Raises:
            RegisterError: No version was created.
        """


class NoneRegister(Register):
    """Registers nothing: the model stays in its run."""

    def check(self, name: str) -> None:
        return None

    def find(self, name: str, job_key: str, job: Job | None = None) -> Version | None:
        return None

    def register(self, name: str, model_uri: str, *, tags: dict[str, str] | None = None) -> Version | None:
        return None


class MlflowRegister(Register):
    """Creates a version in MLflow's model registry.

    Attributes:
        tags: Put on every version.
        aliases: Moved to the new version.
        if_exists: For a job that was done before (same configuration, data and code): make a `new` version, `reuse` the one there
            is, or refuse (`error`).
    """

    not_identity = frozenset({"tags", "aliases", "if_exists"})

    tags: dict[str, str] | None = None
    aliases: list[str] = []
    if_exists: Literal["new", "reuse", "error"] = "new"

    def check(self, name: str) -> None:
        secrets.refuse({"tags": self.tags or {}}, "register")
        if not name.strip() or re.search(r"[/:\x00-\x1f]", name) or len(name) > 256:
            raise ConfigError(
                f"name={name!r} cannot name a registered model",
                remedy="Use 1 to 256 characters without '/', ':' and control characters: name=my-model.",
                name=name,
            )
        for alias in self.aliases:
            check_alias(alias, "register.aliases")

    def find(self, name: str, job_key: str, job: Job | None = None) -> Version | None:
        resumed = job is not None and job.resumed
        if self.if_exists == "new" and not resumed:
            return None
        from mlflow import MlflowClient

        client = MlflowClient()
        if job is not None and resumed:  # by its place: the code may have been mended since
            made = client.search_model_versions(f"tags.`{SWEEP}` = '{job.sweep}'")
            own = [version for version in made if version.name == name and job.tags().items() <= version.tags.items()]
            if own or self.if_exists == "new":
                return self._with_aliases(own[0]) if own else None
        done = client.search_model_versions(f"tags.`{JOB_KEY}` = '{job_key}'")
        found = [version for version in done if version.name == name]  # MLflow's filters can't quote every name
        if found and self.if_exists == "error":
            raise RegisterError(
                f"this job was done before: it is version {found[0].version} of {name}",
                remedy="Set register.if_exists=reuse to get that version, or register.if_exists=new to make another.",
                name=name,
                version=str(found[0].version),
            )
        version: Version | None = found[0] if found else None
        return version

    def _with_aliases(self, version: Version) -> Version:
        """Give a version the aliases that its job was killed before it could move; those that are further on by now stay."""
        from mlflow import MlflowClient

        client = MlflowClient()
        now = client.get_registered_model(version.name).aliases if self.aliases else {}
        for alias in self.aliases:
            if int(now.get(alias, 0)) < int(version.version):
                client.set_registered_model_alias(version.name, alias, version.version)
        return version

    def register(self, name: str, model_uri: str, *, tags: dict[str, str] | None = None) -> Version | None:
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException

        self.check(name)
        match = re.fullmatch(r"models:/(m-[0-9a-f]+)", model_uri)
        if match is None:
            raise RegisterError(
                f"{model_uri!r} is not the URI of a saved model",
                remedy="Pass the saver's model_uri: models:/m-...",
                uri=model_uri,
            )
        client = MlflowClient()
        undo = _Undo()
        try:
            model = client.get_logged_model(match[1])
            if model.status != "READY":
                raise RegisterError(
                    f"{model_uri} is {model.status}, not READY",
                    remedy="Only a whole, verified model becomes a version.",
                    uri=model_uri,
                )
            with undo:
                version = _create_version(client, name, model, {**(self.tags or {}), **(tags or {})}, undo)
                undo.later(f"version {version.version}", client.delete_model_version, name, version.version)
                for alias in self.aliases:
                    before = client.get_registered_model(name).aliases.get(alias)
                    undo.later(f"the alias {alias}", _put_back, client, name, alias, before)
                    client.set_registered_model_alias(name, alias, version.version)
                undo.pop_all()
        except MlflowException as error:
            raise RegisterError(
                f"MLflow refused to register {name}: {shortened(servers.failure(error) or error, 300)}",
                remedy=f"This could not be taken back: {', '.join(undo.left)} of {name}. A sweep that is resumed goes on with it."
                if undo.left
                else "Nothing was registered, and no alias was moved.",
                name=name,
                uri=model_uri,
                left=undo.left,
            ) from error
        return version


def check_alias(alias: str, key: str) -> None:
    """Refuse what MLflow would refuse as an alias.

    Args:
        alias: What it is called.
        key: Where it was given.

    Raises:
        ConfigError: It cannot be one.
    """
    if not re.fullmatch(r"[\w\-]+", alias) or re.fullmatch(r"v\d+", alias, re.IGNORECASE) or alias.lower() == "latest":
        raise ConfigError(
            f"{key}: {alias!r} cannot be an alias",
            remedy="Use letters, digits, '_' and '-'; MLflow keeps 'latest' and v1, v2, ... to itself.",
            alias=alias,
        )


class _Undo(contextlib.ExitStack):
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
        except MlflowException:
            self.left.append(what)


def _delete_if_empty(client: MlflowClient, name: str) -> None:
    """Take back a registered model that was made here, unless somebody else has put a version into it."""
    if not client.get_registered_model(name).latest_versions:
        client.delete_registered_model(name)


def _put_back(client: MlflowClient, name: str, alias: str, version: str | None) -> None:
    """Let an alias name the version it named before, or none."""
    if version is None:
        client.delete_registered_model_alias(name, alias)
    else:
        client.set_registered_model_alias(name, alias, version)


def _create_version(client: MlflowClient, name: str, model: LoggedModel, tags: dict[str, str], undo: _Undo) -> Version:
    """Create a version; the registered model as well where there is none, which is taken back if more goes wrong."""
    from mlflow.exceptions import MlflowException

    def create() -> Version:
        return servers.once(
            lambda: client.create_model_version(
                name, source=model.model_uri, run_id=model.source_run_id, model_id=model.model_id, tags=tags
            ),
            created,
        )

    def created() -> Version | None:
        found = client.search_model_versions(f"run_id = '{model.source_run_id}'")
        return next((version for version in found if version.name == name and version.model_id == model.model_id), None)

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
