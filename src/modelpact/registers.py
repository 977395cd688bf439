"""Making a saved model a version that others can depend on: one class a way, each with a YAML file in `conf/register`."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Literal

from modelpact import registry
from modelpact._internal.text import truncate
from modelpact.errors import RegisterError
from modelpact.registry import (
    CompatibilityReport,
    Gate,
    Undo,
    Waiver,
    create_version,
    defer_to_existing,
    move_aliases,
    require_contract,
)
from modelpact.registry.aliases import check_unprotected
from modelpact.registry.names import check_alias, check_name, check_tag
from modelpact.registry.versions import CHECKS_TAG
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

COPIED = (CHECKS_TAG, ARTIFACT_DIGEST)
"""The tags of a saved model that its version gets as well."""


class Register(Step, ABC):
    """Creates versions.

    Attributes:
        tags: Tags for every version.
    """

    excluded_from_key = frozenset({"tags"})

    tags: dict[str, Any] = {}

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
            AliasError: An alias that the version is to get is protected.
        """

    def check_compatibility(self, name: str, signature: Signature) -> CompatibilityReport | None:
        """Refuse a contract before a model is saved under it; asked again when the version is created.

        Args:
            name: The registered model.
            signature: The contract.

        Returns:
            Why it is let in; None where nothing is asked.

        Raises:
            RegisterError: There is no contract, or nothing to compare it with.
            CompatibilityError: It breaks who relies on the versions there are.
        """
        return None

    @abstractmethod
    def register(
        self, name: str, model_uri: str, *, tags: dict[str, str] | None = None
    ) -> Version | None:
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

    def register(
        self, name: str, model_uri: str, *, tags: dict[str, str] | None = None
    ) -> Version | None:
        return None


class MlflowRegister(Register):
    """Creates a version in MLflow's model registry.

    Attributes:
        aliases: Moved to the new version.
        if_exists: For a job that was done before (same configuration, data and code): make a `new` version, `reuse` the one there
            is, or refuse (`error`). Of several that do one job at once, the lowest version is kept.
        compatibility: What must hold between the new contract and the old: `none`, `backward` (who calls the old can call the
            new), `forward`, `full`; the `_transitive` forms ask for it with all versions.
        against: Which version is the old one: `latest`, an alias (`@champion`), or a number.
        policy: The policy that callers' loaders enforce, as for the loader.
        extra: What they do with columns that a contract does not know, as for the loader.
        require_signature: Whether a model is refused that has no signature, or one that takes anything.
        waivers: Broken rules that are let through, each `{rule, path, reason}`; they are recorded.
        leak_allowlist: What the leak scan finds that is no secret, each `{place, kind, reason}`; they are recorded.
    """

    excluded_from_key = frozenset(
        {
            "tags",
            "aliases",
            "if_exists",
            "compatibility",
            "against",
            "policy",
            "extra",
            "require_signature",
            "waivers",
            "leak_allowlist",
        }
    )

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
        """What is asked of a new version."""
        return Gate(
            self.compatibility, str(self.against), self.policy, self.extra, tuple(self.waivers)
        )

    def check(self, name: str) -> None:
        reasons = [exemption.model_dump() for exemption in self.waivers]
        secrets.reject_literals({"tags": self.tags, "waivers": reasons}, "register")
        check_name(name)
        for alias in self.aliases:
            check_alias(alias, "register.aliases")
        for key, value in self.tags.items():
            check_tag(key, str(value))
        self.gate.validate()

    def find(self, name: str, job_key: str, job: Job | None = None) -> Version | None:
        from mlflow import MlflowClient

        client = MlflowClient()
        check_unprotected(client, name, self.aliases, "register.aliases")
        resumed = job is not None and job.resumed
        if self.if_exists == "new" and not resumed:
            return None
        if job is not None and resumed:  # by its place: the code may have been mended since
            own = registry.list_versions(client, name, job.tags())
            if own or self.if_exists == "new":
                return self._with_aliases(client, own[0]) if own else None
        found = registry.list_versions(client, name, {JOB_KEY: job_key})
        if found and self.if_exists == "error":
            raise _done_before(found[0])
        return found[0] if found else None

    def _with_aliases(self, client: MlflowClient, version: Version) -> Version:
        """Give a version the aliases that its job was killed before it could move; those that are further on by now stay."""
        now = client.get_registered_model(version.name).aliases if self.aliases else {}
        behind = [alias for alias in self.aliases if int(now.get(alias, 0)) < int(version.version)]
        with Undo() as undo:
            move_aliases(client, version, behind, undo)
            undo.pop_all()
        return version

    def check_compatibility(self, name: str, signature: Signature) -> CompatibilityReport | None:
        from mlflow import MlflowClient

        admission = self._admission(MlflowClient(), name, signature)
        self.gate.warn_unused_waivers(admission)
        return admission

    def _admission(
        self, client: MlflowClient, name: str, signature: Signature | None
    ) -> CompatibilityReport:
        if self.require_signature or self.compatibility != "none":
            require_contract(
                signature, f"the model for {name}", anything=not self.require_signature
            )
        return (
            CompatibilityReport("none")
            if signature is None
            else self.gate.check(client, name, signature)
        )

    def register(
        self, name: str, model_uri: str, *, tags: dict[str, str] | None = None
    ) -> Version | None:
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
        undo = Undo()
        try:
            model = client.get_logged_model(match[1])
            signature = _verified(model, tags or {})
            admission = self._admission(client, name, signature)
            own = {key: str(value) for key, value in self.tags.items()}
            said = {**own, **_facts(model, signature, admission), **(tags or {})}
            said |= leak_scan.scan_version(model, said, self.leak_allowlist)
            with undo:
                version = create_version(client, name, model, said, undo)
                first = self._first(client, version)
                if first is None:
                    if signature is not None:
                        self._look_again(client, version, signature, admission)
                    move_aliases(client, version, self.aliases, undo)
                    undo.pop_all()
            if first is not None:
                first = defer_to_existing(client, version, first, model, undo)
                if self.if_exists == "error":
                    raise _done_before(first)
            return first or version
        except MlflowException as error:
            raise RegisterError(
                f"MLflow refused to register {name}: {truncate(remote_store.store_failure(error) or error, 300)}",
                remedy=f"This could not be taken back: {', '.join(undo.left)} of {name}. A sweep that is resumed goes on with it."
                if undo.left
                else "Nothing was registered, and no alias was moved.",
                name=name,
                uri=model_uri,
                left=undo.left,
            ) from error
        except RegisterError as error:
            if undo.left:
                error.left = undo.left
                error.remedy += f"\nThis could not be taken back: {', '.join(undo.left)} of {name}."
            raise

    def _first(self, client: MlflowClient, version: Version) -> Version | None:
        """The version of the same job that somebody else made meanwhile, and that is kept; None where it is this one."""
        job_key = (version.tags or {}).get(JOB_KEY)
        if self.if_exists == "new" or job_key is None:
            return None
        first = registry.list_versions(client, version.name, {JOB_KEY: job_key})[0]
        return first if int(first.version) < int(version.version) else None

    def _look_again(
        self,
        client: MlflowClient,
        version: Version,
        signature: Signature,
        admission: CompatibilityReport,
    ) -> None:
        """Compare with what somebody else has registered between the comparison and the creation."""
        later = self.gate.check(
            client, version.name, signature, below=int(version.version), done=admission.against
        )
        if later.against:
            value = admission.joined(later).tag()
            client.set_model_version_tag(
                version.name, version.version, registry.COMPATIBILITY_TAG, value
            )
            version.tags[registry.COMPATIBILITY_TAG] = value


def record_checks(model_uri: str, verdict: Verdict) -> None:
    """Put on a saved model which checks it passed; without that it cannot be registered.

    Args:
        model_uri: `models:/<model_id>`.
        verdict: What the verifier found.
    """
    from mlflow import MlflowClient

    passed = ",".join(check.code for check in verdict.checks if check.ok)
    MlflowClient().set_logged_model_tags(model_uri.removeprefix("models:/"), {CHECKS_TAG: passed})


def _verified(model: LoggedModel, tags: dict[str, str]) -> Signature | None:
    """The signature of a saved model that may become a version.

    Raises:
        RegisterError: It is not READY, was not verified, or has another signature than the one that was signed.
    """
    uri = model.model_uri
    if model.status != "READY":
        raise RegisterError(
            f"{uri} is {model.status}, not READY",
            remedy="Only a whole, verified model becomes a version.",
            uri=uri,
        )
    if not model.tags.get(CHECKS_TAG):
        raise RegisterError(
            f"{uri} was not verified",
            remedy="Publish it, which loads and verifies it; from Python: record_checks(uri, verifier.verify(...)), then register.",
            uri=uri,
        )
    try:
        signature = registry.read_signature(str(model.artifact_location))
    except ValueError as error:
        raise RegisterError(
            f"{uri} cannot be registered: {error}", remedy="Publish it again.", uri=uri
        ) from error
    signed = tags.get(SIGNATURE_DIGEST)
    if signed is not None and (signature is None or digest(signature) != signed):
        raise RegisterError(
            f"{uri} has another signature than the one that was signed",
            remedy="Publish it again: its files were changed.",
            uri=uri,
        )
    return signature


def _facts(
    model: LoggedModel, signature: Signature | None, admission: CompatibilityReport
) -> dict[str, str]:
    """The tags that say why a version can be trusted."""
    facts = {key: model.tags[key] for key in COPIED if key in model.tags}
    if signature is not None:
        facts[SIGNATURE_DIGEST] = digest(signature)
    return {**facts, registry.COMPATIBILITY_TAG: admission.tag()}


def _done_before(version: Version) -> RegisterError:
    return RegisterError(
        f"this job was done before: it is version {version.version} of {version.name}",
        remedy="Set register.if_exists=reuse to get that version, or register.if_exists=new to make another.",
        name=version.name,
        version=str(version.version),
    )
