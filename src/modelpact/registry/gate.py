"""The gate before registration: may a model with this contract follow the versions that people rely on?"""

from __future__ import annotations

import logging
import re
import shlex
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelpact._internal.text import did_you_mean
from modelpact.errors import CompatibilityError, ConfigError, RegisterError
from modelpact.registry.compatibility_report import (
    AppliedWaiver,
    CompatibilityReport,
    Waiver,
    ranges,
)
from modelpact.registry.versions import (
    VersionNotFound,
    latest_version,
    list_versions,
    read_version_signature,
)
from modelpact.signature import Change, Extra, Policy, diff, filter_breaking
from modelpact.signature.compat.modes import Mode

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from modelpact.types import Signature, Version

__all__ = ["Gate", "require_contract"]

SHOWN = 10
"""How many changes a message lists."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Gate:
    """What is asked of a new version.

    Attributes:
        mode: What must hold between it and those before it.
        against: Which of them: `latest`, an alias (`@champion`), or a version's number; the `_transitive` modes ask all.
        policy: The policy that callers' loaders enforce.
        extra: What they do with columns that a contract does not know.
        waivers: The broken rules that are let through.
    """

    mode: Mode = "none"
    against: str = "latest"
    policy: Policy = "lossless"
    extra: Extra = "ignore"
    waivers: tuple[Waiver, ...] = ()

    def validate(self) -> None:
        """Refuse what asks for nothing that could be meant, before any work is done.

        Raises:
            ConfigError: It is malformed, or its parts do not fit together.
        """
        if not re.fullmatch(r"latest|@[\w\-]+|[1-9]\d{0,17}", self.against, re.ASCII):
            raise ConfigError(
                f"register.against={self.against!r} names no version to compare with",
                remedy="Write latest, an alias as @champion, or a version's number.",
            )
        if self.mode.endswith("_transitive") and self.against != "latest":
            raise ConfigError(
                f"register.compatibility={self.mode} compares with all versions, not with {self.against} only",
                remedy=f"Leave register.against out, or choose register.compatibility={self.mode.removesuffix('_transitive')}.",
            )
        if self.policy == "mlflow" and self.extra == "forbid":
            raise ConfigError(
                "register.policy=mlflow leaves extra columns out, as MLflow does, and cannot refuse them",
                remedy="Choose register.policy=lossless, or register.extra=warn.",
            )
        for exemption in self.waivers:
            exemption.check()
        twice = [
            place
            for place, count in Counter((one.rule, one.path) for one in self.waivers).items()
            if count > 1
        ]
        if twice:
            raise ConfigError(
                f"register.waivers: {twice[0][0]} at {twice[0][1]} is there twice",
                remedy="Leave one of them.",
            )

    def check(
        self,
        client: MlflowClient,
        name: str,
        signature: Signature,
        *,
        below: int | None = None,
        done: Iterable[int] = (),
    ) -> CompatibilityReport:
        """Compare a contract with the versions that are asked for.

        Args:
            client: A client for the open store.
            name: The registered model.
            signature: The new contract.
            below: The number of the version that has it already; only those before it are asked.
            done: The numbers of versions that it was compared with already.

        Raises:
            CompatibilityError: It breaks the mode; `broken` lists the changes for each version by its number.
            RegisterError: There is no such version, or its contract cannot be read.
        """
        if self.mode == "none":
            return CompatibilityReport("none")
        done = set(done)
        broken: dict[int, list[Change]] = {}
        waived: dict[Change, list[int]] = {}
        passed: set[Change] = set()
        against = []
        compared: dict[int, tuple[Signature | None, list[Change]]] = {}
        for version in self._versions(client, name, below):
            number = int(version.version)
            if number in done:
                continue
            try:
                old = read_version_signature(client, version)
            except VersionNotFound:
                continue
            against.append(number)
            if (
                id(old) not in compared
            ):  # those that were read once are one object, which is kept here
                compared[id(old)] = (
                    old,
                    diff(old or _Unsigned(), signature, self.policy, self.extra),  # type: ignore[arg-type]
                )
            changes = compared[id(old)][1]
            breaks = filter_breaking(changes, self.mode)
            passed.update(set(changes) - set(breaks))
            for change in breaks:
                if self._exemption(change) is None:
                    broken.setdefault(number, []).append(change)
                else:
                    waived.setdefault(change, []).append(number)
        if broken:
            raise self._refusal(name, broken)
        rules = Counter(rule for rule, _ in {(change.rule, change.path) for change in passed})
        let_through = [
            AppliedWaiver(change, tuple(numbers), self._reason(change))
            for change, numbers in waived.items()
        ]
        return CompatibilityReport(
            self.mode,
            self.policy,
            self.extra,
            tuple(against),
            dict(sorted(rules.items())),
            tuple(let_through),
        )

    def warn_unused_waivers(self, admission: CompatibilityReport) -> None:
        """Log the exceptions that let nothing through."""
        used = {(waived.change.rule, waived.change.path) for waived in admission.waived}
        for exemption in self.waivers if self.mode != "none" else ():
            if (exemption.rule, exemption.path) not in used:
                log.warning(
                    "register.waivers: %s at %s let nothing through",
                    exemption.rule,
                    exemption.path,
                )

    def _versions(self, client: MlflowClient, name: str, below: int | None) -> list[Version]:
        """The versions that are asked for, the lowest first."""
        if self.mode.endswith("_transitive"):
            return [
                version
                for version in list_versions(client, name)
                if below is None or int(version.version) < below
            ]
        last = latest_version(client, name, below)
        if self.against == "latest" or (last is None and self.against.startswith("@")):
            return [] if last is None else [last]
        found = self._named(client, name)
        return [found] if below is None or int(found.version) != below else []

    def _named(self, client: MlflowClient, name: str) -> Version:
        from mlflow.exceptions import MlflowException

        try:
            if self.against.startswith("@"):
                return client.get_model_version_by_alias(name, self.against[1:])
            return client.get_model_version(name, self.against)
        except MlflowException as error:
            if error.error_code not in {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}:
                raise
        there = [str(version.version) for version in list_versions(client, name)]
        aliases = (
            [f"@{alias}" for alias in sorted(client.get_registered_model(name).aliases)]
            if there
            else []
        )
        raise RegisterError(
            f"register.against={self.against}: {name} has no such version{did_you_mean(self.against, aliases)}",
            remedy=f"Its versions: {', '.join(there[-20:]) or 'none'}; its aliases: {', '.join(aliases) or 'none'}.",
            name=name,
        )

    def _exemption(self, change: Change) -> Waiver | None:
        return next(
            (one for one in self.waivers if (one.rule, one.path) == (change.rule, change.path)),
            None,
        )

    def _reason(self, change: Change) -> str:
        found = self._exemption(change)
        return "" if found is None else found.reason

    def _refusal(self, name: str, broken: dict[int, list[Change]]) -> CompatibilityError:
        with_versions: dict[Change, list[int]] = {}
        for number, changes in broken.items():
            for change in changes:
                with_versions.setdefault(change, []).append(number)
        one = len(broken) == 1
        mode = self.mode.removesuffix("_transitive")
        places = "1 place" if len(with_versions) == 1 else f"{len(with_versions)} places"
        with_whom = f"version {next(iter(broken))}" if one else f"versions {ranges(broken)}"
        lines = [
            f"the contract breaks {mode} compatibility with {with_whom} of {name} in {places}:"
        ]
        for change, numbers in list(with_versions.items())[:SHOWN]:
            lines.append(f"  {change}{'' if one else f', with {ranges(numbers)}'}")
        if len(with_versions) > SHOWN:
            lines.append(
                f"  ... and {len(with_versions) - SHOWN} more: task=diff compares two contracts in full"
            )
        return CompatibilityError(
            "\n".join(lines),
            remedy=self._remedy(name, list(with_versions)),
            changes=list(with_versions),
            broken={str(number): changes for number, changes in broken.items()},
            mode=self.mode,
            name=name,
        )

    def _remedy(self, name: str, changes: list[Change]) -> str:
        new = [
            {"rule": change.rule, "path": change.path, "reason": "..."}
            for change in changes[:SHOWN]
        ]
        everything = [*(one.model_dump() for one in self.waivers), *new]
        entries = ", ".join(
            f"{{rule: {one['rule']}, path: {_quoted(one['path'])}, reason: {_quoted(one['reason'])}}}"
            for one in everything
        )
        return "\n".join(
            [
                "Nothing was registered. Change the contract where it breaks, or go on with one of these:",
                f"  {shlex.quote(f'name={name}-2')} begins a new model, whose callers come over when they are ready",
                f"  {shlex.quote(f'register.waivers=[{entries}]')} lets this through; your reason is recorded",
                "  register.compatibility=none compares with nothing",
            ]
        )


@dataclass(frozen=True, slots=True)
class _Unsigned:
    """A model that says nothing about what it takes and answers."""

    inputs: None = None
    outputs: None = None
    params: None = None


def require_contract(signature: Signature | None, what: str, *, anything: bool = False) -> None:
    """Refuse a model that promises nothing.

    Args:
        signature: What it was signed with.
        what: What it is, for the message.
        anything: Whether a signature may take anything.

    Raises:
        RegisterError: It has no signature, or one that takes anything.
    """
    if signature is None:
        why = "has no signature"
    elif anything or not _takes_anything(signature):
        return
    else:
        why = "has a signature that takes anything"
    raise RegisterError(
        f"{what} {why}",
        remedy="Sign it by signer=infer or signer=explicit. "
        "register.require_signature=false with register.compatibility=none registers it as it is.",
    )


def _takes_anything(signature: Signature) -> bool:
    """Whether the inputs have no schema, or one of a single unnamed column of any type, as MLflow infers where it fails."""
    from mlflow.types.schema import AnyType

    if signature.inputs is None:
        return True
    columns = signature.inputs.inputs
    return len(columns) == 1 and columns[0].name is None and isinstance(columns[0].type, AnyType)


def _quoted(text: str) -> str:
    """A text between double quotes, as Hydra reads it."""
    escaped = re.sub(r'(\\*)"', r'\1\1\\"', re.sub(r"\\+$", r"\g<0>\g<0>", text))
    return f'"{escaped}"'.replace("${", "\\${")
