"""Registers create versions in a model registry.

One class per kind of registry, each with a config file in `conf/register`.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator

from modelpact import registry
from modelpact._internal.named_values import read_named_values
from modelpact._internal.text import truncate
from modelpact.errors import RegisterError
from modelpact.registry import (
    CHECKS_TAG,
    CompatibilityReport,
    Gate,
    UndoStack,
    Waiver,
    create_version,
    defer_to_existing,
    move_aliases,
    require_contract,
)
from modelpact.registry.aliases import check_unprotected
from modelpact.registry.names import check_alias, check_name, check_tag
from modelpact.security import leak_scan, secrets
from modelpact.security.manifest import ARTIFACT_DIGEST, SIGNATURE_DIGEST
from modelpact.signature import Extra, Policy, digest
from modelpact.signature.compat.modes import Mode
from modelpact.tracking import remote_store
from modelpact.types import JOB_KEY, Job, Step

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel

    from modelpact.types import Signature, Verdict, Version

__all__ = ["MlflowRegister", "NoneRegister", "Register", "check_alias", "record_checks"]

COPIED_TAGS = (CHECKS_TAG, ARTIFACT_DIGEST)
"""The tags of a saved model that its version gets too."""


class Register(Step, ABC):
    """The interface of registers.

    Attributes:
        tags: Tags for every version.
    """

    excluded_from_key = frozenset({"tags"})

    tags: Annotated[
        dict[str, Any],
        BeforeValidator(lambda tags: {} if tags is None else read_named_values(tags)),
    ] = {}

    def check(self, name: str) -> None:
        """Reject a configuration that would fail later; the default accepts all.

        Raises:
            ConfigError: The name, a tag or an alias is invalid.
            SecretError: A tag contains a secret.
        """

    def find(self, name: str, job_key: str, job: Job | None = None) -> Version | None:
        """Return the version of a finished job; None, the default, if the job must run.

        Args:
            name: The registered model.
            job_key: The key of the job's configuration, data and code.
            job: The place of the job in a sweep. A job of a resumed sweep may have created its
                version before it was stopped.

        Raises:
            RegisterError: The job is finished, and the register is configured to raise.
            AliasError: An alias for the version is protected.
        """
        return None

    def check_compatibility(self, name: str, signature: Signature) -> CompatibilityReport | None:
        """Reject an incompatible contract before the model is saved.

        `register` repeats the check when it creates the version.

        Args:
            name: The registered model.
            signature: The contract.

        Returns:
            The report; None if the register compares nothing.

        Raises:
            RegisterError: There is no contract, or no version to compare it with.
            CompatibilityError: The contract breaks callers of existing versions.
        """
        return None

    @abstractmethod
    def register(
        self, name: str, model_uri: str, *, tags: dict[str, str] | None = None
    ) -> Version | None:
        """Create a version from a saved model.

        Args:
            name: The registered model; it is created if it does not exist.
            model_uri: `models:/<model_id>`.
            tags: Additional tags of the version.

        Raises:
            RegisterError: No version was created.
        """


class NoneRegister(Register):
    """Registers nothing; the model stays in its run."""

    def register(
        self, name: str, model_uri: str, *, tags: dict[str, str] | None = None
    ) -> Version | None:
        return None


class MlflowRegister(Register):
    """Creates versions in MLflow's model registry.

    Attributes:
        aliases: Aliases to move to the new version.
        if_exists: What to do if the same job (configuration, data and code) has a version already:
            create a `new` one, `reuse` it, or raise an `error`. If several processes run the same
            job at once, the lowest version is kept.
        compatibility: Compatibility with earlier versions: `none`, `backward` (callers of the old
            contract can call the new one), `forward` or `full`; the `_transitive` modes compare
            with all versions.
        against: The version to compare with: `latest`, an alias (`@champion`) or a number.
        policy: The enforcement policy of the callers' loaders.
        extra: How the callers' loaders treat columns that the contract does not have.
        require_signature: Whether to reject models that have no signature, or one that accepts any
            input.
        waivers: Breaking changes to let through, each `{rule, path, reason}`; they are recorded.
        leak_allowlist: False positives of the leak scan, each `{place, kind, reason}`; they are
            recorded.
    """

    excluded_from_key = frozenset(
        {"tags", "aliases", "if_exists", "compatibility", "against", "policy", "extra",
         "require_signature", "waivers", "leak_allowlist"}
    )  # fmt: skip

    aliases: list[str] = []
    if_exists: Literal["new", "reuse", "error"] = "new"
    compatibility: Mode = "none"
    against: int | str = "latest"
    policy: Policy = "lossless"
    extra: Extra = "ignore"
    require_signature: bool = True
    waivers: list[Waiver] = []
    leak_allowlist: list[leak_scan.AllowlistEntry] = []

    @property
    def gate(self) -> Gate:
        """The compatibility requirements on a new version."""
        return Gate(
            self.compatibility, str(self.against), self.policy, self.extra, tuple(self.waivers)
        )

    def check(self, name: str) -> None:
        waivers = [waiver.model_dump() for waiver in self.waivers]
        secrets.reject_literals({"tags": self.tags, "waivers": waivers}, "register")
        check_name(name)
        for alias in self.aliases:
            check_alias(alias, "register.aliases")
        for key, value in self.tags.items():
            check_tag(key, value)
        self.gate.validate()

    def find(self, name: str, job_key: str, job: Job | None = None) -> Version | None:
        from mlflow import MlflowClient

        client = MlflowClient()
        check_unprotected(client, name, self.aliases, "register.aliases")
        if job is not None and job.resumed:
            # by the place in the sweep, because the code may have been fixed since
            versions = registry.list_versions(client, name, job.tags())
            if versions:
                self._move_missing_aliases(client, versions[0])
                return versions[0]
        return None if self.if_exists == "new" else self._find_same(client, name, job_key)

    def _find_same(self, client: MlflowClient, name: str, job_key: str) -> Version | None:
        versions = registry.list_versions(client, name, {JOB_KEY: job_key})
        if versions and self.if_exists == "error":
            raise _already_done(versions[0])
        return next(iter(versions), None)

    def _move_missing_aliases(self, client: MlflowClient, version: Version) -> None:
        """Move the aliases that a killed job did not move; aliases of later versions stay."""
        if not self.aliases:
            return
        current = client.get_registered_model(version.name).aliases
        behind = [
            alias for alias in self.aliases if int(current.get(alias, 0)) < int(version.version)
        ]
        with UndoStack() as undo:
            move_aliases(client, version, behind, undo)
            undo.pop_all()

    def check_compatibility(self, name: str, signature: Signature) -> CompatibilityReport | None:
        from mlflow import MlflowClient

        report = self._check(MlflowClient(), name, signature)
        self.gate.warn_unused_waivers(report)
        return report

    def _check(
        self, client: MlflowClient, name: str, signature: Signature | None
    ) -> CompatibilityReport:
        if self.require_signature or self.compatibility != "none":
            title = f"the model for {name}"
            require_contract(signature, title, allow_any=not self.require_signature)
        if signature is None:
            return CompatibilityReport("none")
        return self.gate.check(client, name, signature)

    def register(self, name: str, model_uri: str, *, tags: dict[str, str] | None = None) -> Version:
        from mlflow.exceptions import MlflowException

        self.check(name)
        undo = UndoStack()
        try:
            return self._create_version(name, model_uri, tags or {}, undo)
        except MlflowException as error:
            reason = truncate(remote_store.store_failure(error) or error, 300)
            raise RegisterError(
                f"MLflow could not register {name}: {reason}",
                remedy=f"{_not_undone(undo, name)} Resuming the sweep continues with it."
                if undo.failed
                else "Nothing was registered, and no alias was moved.",
                name=name,
                uri=model_uri,
                not_undone=undo.failed,
            ) from error
        except RegisterError as error:
            if undo.failed:
                error.not_undone = undo.failed
                error.remedy += f"\n{_not_undone(undo, name)}"
            raise

    def _create_version(
        self, name: str, model_uri: str, tags: dict[str, str], undo: UndoStack
    ) -> Version:
        from mlflow import MlflowClient

        client = MlflowClient()
        model = client.get_logged_model(_model_id(model_uri))
        signature = _read_verified_signature(model, tags)
        report = self._check(client, name, signature)
        tags = self.scanned_tags(model, {**_trust_tags(model, signature, report), **tags})
        with undo:
            version = create_version(client, name, model, tags, undo, signature=signature)
            first = self._find_first(client, version)
            if first is None:
                if signature is not None:
                    self._check_concurrent_versions(client, version, signature, report)
                move_aliases(client, version, self.aliases, undo)
                undo.pop_all()
                registry.describe_model(client, name, signature)
                return version
        first = defer_to_existing(client, version, first, model, undo)
        if self.if_exists == "error":
            raise _already_done(first)
        return first

    def scanned_tags(self, model: LoggedModel, tags: dict[str, str]) -> dict[str, str]:
        """Return all tags of a version; raise SecretError if one contains a secret."""
        tags = {**{key: str(value) for key, value in self.tags.items()}, **tags}
        return tags | leak_scan.scan_version(model, tags, self.leak_allowlist)

    def _find_first(self, client: MlflowClient, version: Version) -> Version | None:
        """Return the version that another process created first for the same job, or None."""
        job_key = version.tags.get(JOB_KEY)
        if self.if_exists == "new" or job_key is None:
            return None
        first = registry.list_versions(client, version.name, {JOB_KEY: job_key})[0]
        return first if int(first.version) < int(version.version) else None

    def _check_concurrent_versions(
        self,
        client: MlflowClient,
        version: Version,
        signature: Signature,
        report: CompatibilityReport,
    ) -> None:
        """Compare with versions that were registered since the first comparison."""
        name, number = version.name, version.version
        later = self.gate.check(client, name, signature, below=int(number), skip=report.against)
        if later.against:
            value = report.merge(later).to_tag()
            client.set_model_version_tag(name, number, registry.COMPATIBILITY_TAG, value)
            version.tags[registry.COMPATIBILITY_TAG] = value


def record_checks(model_uri: str, verdict: Verdict) -> None:
    """Record the checks that a saved model passed; a model without them cannot be registered.

    Args:
        model_uri: `models:/<model_id>`.
        verdict: The result of a verifier.
    """
    from mlflow import MlflowClient

    passed = leak_scan.redact(",".join(check.code for check in verdict.checks if check.ok))
    MlflowClient().set_logged_model_tags(model_uri.removeprefix("models:/"), {CHECKS_TAG: passed})


def _model_id(model_uri: str) -> str:
    match = re.fullmatch(r"models:/(m-[0-9a-f]+)", model_uri)
    if match is None:
        raise RegisterError(
            f"{model_uri!r} is not the URI of a saved model",
            remedy="Pass the model_uri that the saver returns: models:/m-...",
            uri=model_uri,
        )
    return match[1]


def _read_verified_signature(model: LoggedModel, tags: dict[str, str]) -> Signature | None:
    """Return the signature of a saved model that may become a version.

    Raises:
        RegisterError: The model is not READY, was not verified, or its signature was changed.
    """
    uri = model.model_uri
    if model.status != "READY":
        raise RegisterError(
            f"{uri} is {model.status}, not READY",
            remedy="Register a model that was saved completely.",
            uri=uri,
        )
    if not model.tags.get(CHECKS_TAG):
        raise RegisterError(
            f"{uri} was not verified",
            remedy="Use publish, which verifies the model; or call "
            "record_checks(uri, verifier.verify(...)) before you register it.",
            uri=uri,
        )
    signature = _read_signature(model)
    signed = tags.get(SIGNATURE_DIGEST)
    if signed is not None and (signature is None or digest(signature) != signed):
        raise RegisterError(
            f"the signature of {uri} is not the one that was signed; its files were changed",
            remedy="Publish it again.",
            uri=uri,
        )
    return signature


def _read_signature(model: LoggedModel) -> Signature | None:
    try:
        return registry.read_signature(str(model.artifact_location))
    except ValueError as error:
        uri = model.model_uri
        raise RegisterError(
            f"{uri} cannot be registered: {error}", remedy="Publish it again.", uri=uri
        ) from error


def _trust_tags(
    model: LoggedModel, signature: Signature | None, report: CompatibilityReport
) -> dict[str, str]:
    """Return the tags of a version that its verification relies on."""
    tags = {key: model.tags[key] for key in COPIED_TAGS if key in model.tags}
    if signature is not None:
        tags[SIGNATURE_DIGEST] = digest(signature)
    return {**tags, registry.COMPATIBILITY_TAG: report.to_tag()}


def _not_undone(undo: UndoStack, name: str) -> str:
    return f"Could not be undone: {', '.join(undo.failed)} of {name}."


def _already_done(version: Version) -> RegisterError:
    return RegisterError(
        f"this job is already version {version.version} of {version.name}",
        remedy="Set register.if_exists=reuse to get that version, "
        "or register.if_exists=new to create another one.",
        name=version.name,
        version=str(version.version),
    )
