"""The compatibility gate: compares a new contract with registered versions."""

from __future__ import annotations

import contextlib
import logging
import re
import shlex
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from modelpact._internal.counts import format_count
from modelpact._internal.mlflow_errors import suppress_codes
from modelpact._internal.text import did_you_mean, list_items
from modelpact.errors import CompatibilityError, ConfigError, RegisterError
from modelpact.registry.compatibility_report import (
    AppliedWaiver,
    CompatibilityReport,
    Waiver,
    format_ranges,
)
from modelpact.registry.versions import (
    VersionNotFound,
    find_latest_version,
    list_versions,
    read_version_signature,
)
from modelpact.signature import Change, Extra, Policy, diff, filter_breaking
from modelpact.signature.compat.modes import Mode

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from modelpact.types import Signature, Version

__all__ = ["Gate", "require_contract"]

MAX_CHANGES = 10
"""How many changes an error message lists."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Gate:
    """The compatibility requirements on a new version.

    Attributes:
        mode: The compatibility mode.
        against: The version to compare with: `latest`, an alias (`@champion`) or a number. The
            `_transitive` modes compare with all versions.
        policy: The enforcement policy of the callers' loaders.
        extra: How the callers' loaders treat columns that the contract does not have.
        waivers: The breaking changes that are let through.
    """

    mode: Mode = "none"
    against: str = "latest"
    policy: Policy = "lossless"
    extra: Extra = "ignore"
    waivers: tuple[Waiver, ...] = ()

    def validate(self) -> None:
        """Reject requirements that are malformed or contradict each other.

        Raises:
            ConfigError: They are invalid.
        """
        if not re.fullmatch(r"latest|@[\w\-]+|[1-9]\d{0,17}", self.against, re.ASCII):
            raise ConfigError(
                f"register.against={self.against!r} does not denote a version",
                remedy="Use latest, an alias such as @champion, or a version number.",
            )
        if self.mode.endswith("_transitive") and self.against != "latest":
            raise ConfigError(
                f"register.compatibility={self.mode} compares with all versions, "
                f"not only with {self.against}",
                remedy="Remove register.against, or use "
                f"register.compatibility={self.mode.removesuffix('_transitive')}.",
            )
        if self.policy == "mlflow" and self.extra == "forbid":
            raise ConfigError(
                "register.policy=mlflow drops extra columns, so register.extra=forbid cannot apply",
                remedy="Use register.policy=lossless, or register.extra=warn.",
            )
        self._check_waivers()

    def _check_waivers(self) -> None:
        known = set()
        for waiver in self.waivers:
            waiver.check()
            if (waiver.rule, waiver.path) in known:
                raise ConfigError(
                    f"register.waivers: {waiver.rule} at {waiver.path} is listed twice",
                    remedy="Remove one of the two.",
                )
            known.add((waiver.rule, waiver.path))

    def check(
        self,
        client: MlflowClient,
        name: str,
        signature: Signature,
        *,
        below: int | None = None,
        skip: Collection[int] = (),
    ) -> CompatibilityReport:
        """Compare a contract with the registered versions.

        Args:
            client: A client for the open store.
            name: The registered model.
            signature: The new contract.
            below: Compare only with versions under this number, which is the number of the version
                that has the contract already.
            skip: The numbers of versions that the contract was compared with before.

        Raises:
            CompatibilityError: The contract is incompatible; `broken` lists the changes by version.
            RegisterError: The version to compare with does not exist, or cannot be read.
        """
        if self.mode == "none":
            return CompatibilityReport("none")
        comparison = _Comparison(self, signature)
        for version in self._select_versions(client, name, below):
            number = int(version.version)
            if number not in skip:
                with contextlib.suppress(VersionNotFound):
                    comparison.add(number, read_version_signature(client, version))
        if comparison.broken:
            raise _incompatible(self, name, comparison.broken)
        return comparison.report()

    def find_waiver(self, change: Change) -> Waiver | None:
        """Return the waiver of a change, or None."""
        for waiver in self.waivers:
            if (waiver.rule, waiver.path) == (change.rule, change.path):
                return waiver
        return None

    def warn_unused_waivers(self, report: CompatibilityReport) -> None:
        """Log a warning for each waiver that matched no change."""
        if self.mode == "none":
            return
        used = {(waived.change.rule, waived.change.path) for waived in report.waived}
        for waiver in self.waivers:
            if (waiver.rule, waiver.path) not in used:
                log.warning(
                    "register.waivers: %s at %s matched no change", waiver.rule, waiver.path
                )

    def _select_versions(self, client: MlflowClient, name: str, below: int | None) -> list[Version]:
        """Return the versions to compare with, in ascending order."""
        if self.mode.endswith("_transitive"):
            return list_versions(client, name, below=below)
        latest = find_latest_version(client, name, below)
        if self.against == "latest" or (self.against.startswith("@") and not latest):
            return latest
        version = self._get_version(client, name)
        return [] if int(version.version) == below else [version]

    def _get_version(self, client: MlflowClient, name: str) -> Version:
        with suppress_codes("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            if self.against.startswith("@"):
                return client.get_model_version_by_alias(name, self.against[1:])
            return client.get_model_version(name, self.against)
        raise self._no_version_error(client, name)

    def _no_version_error(self, client: MlflowClient, name: str) -> RegisterError:
        numbers = [str(version.version) for version in list_versions(client, name)]
        # without versions, the registered model need not exist
        names = sorted(client.get_registered_model(name).aliases) if numbers else []
        aliases = [f"@{alias}" for alias in names]
        suggestion = did_you_mean(self.against, aliases)
        return RegisterError(
            f"register.against={self.against}: {name} has no such version{suggestion}",
            remedy=f"Versions: {', '.join(numbers[-20:]) or 'none'}; "
            f"aliases: {', '.join(aliases) or 'none'}.",
            name=name,
        )


class _Comparison:
    """The changes between one new contract and several old ones."""

    def __init__(self, gate: Gate, signature: Signature) -> None:
        self.broken: dict[int, list[Change]] = {}
        self._gate = gate
        self._signature = signature
        self._against: list[int] = []
        self._waived: dict[tuple[Change, str], list[int]] = {}
        self._passed: set[Change] = set()
        # Versions with equal contracts share one signature object. It is stored with its changes,
        # so that no other object can get its id.
        self._changes: dict[int, tuple[Signature | None, list[Change]]] = {}

    def add(self, number: int, old: Signature | None) -> None:
        """Compare with the contract of one version."""
        self._against.append(number)
        changes = self._diff(old)
        breaks = filter_breaking(changes, self._gate.mode)
        self._passed.update(set(changes) - set(breaks))
        for change in breaks:
            waiver = self._gate.find_waiver(change)
            if waiver is None:
                self.broken.setdefault(number, []).append(change)
            else:
                self._waived.setdefault((change, waiver.reason), []).append(number)

    def _diff(self, old: Signature | None) -> list[Change]:
        gate = self._gate
        if id(old) not in self._changes:
            before = cast("Signature", old or _Unsigned())
            changes = diff(before, self._signature, gate.policy, gate.extra)
            self._changes[id(old)] = (old, changes)
        return self._changes[id(old)][1]

    def report(self) -> CompatibilityReport:
        """Return the report; valid if nothing is broken."""
        places = {(change.rule, change.path) for change in self._passed}
        counts = Counter(rule for rule, _ in places)
        waived = [
            AppliedWaiver(change, tuple(numbers), reason)
            for (change, reason), numbers in self._waived.items()
        ]
        return CompatibilityReport(
            self._gate.mode,
            self._gate.policy,
            self._gate.extra,
            tuple(self._against),
            dict(sorted(counts.items())),
            tuple(waived),
        )


@dataclass(frozen=True, slots=True)
class _Unsigned:
    """The contract of a model without a signature."""

    inputs: None = None
    outputs: None = None
    params: None = None


def require_contract(signature: Signature | None, what: str, *, allow_any: bool = False) -> None:
    """Reject a model without a contract.

    Args:
        signature: The signature of the model.
        what: The model, for the message.
        allow_any: Whether a signature may accept any input.

    Raises:
        RegisterError: The model has no signature, or one that accepts any input.
    """
    if signature is None:
        fault = "has no signature"
    elif allow_any or not _accepts_any_input(signature):
        return
    else:
        fault = "has a signature that accepts any input"
    raise RegisterError(
        f"{what} {fault}",
        remedy="Sign it with signer=infer or signer=explicit. To register it all the same: "
        "register.require_signature=false register.compatibility=none.",
    )


def _accepts_any_input(signature: Signature) -> bool:
    """Check for inputs without a schema, or with the one that MLflow infers when it fails.

    That schema is a single unnamed column of any type, required or not.
    """
    from mlflow.types.schema import AnyType

    if signature.inputs is None:
        return True
    columns = signature.inputs.inputs
    return len(columns) == 1 and columns[0].name is None and isinstance(columns[0].type, AnyType)


def _incompatible(gate: Gate, name: str, broken: dict[int, list[Change]]) -> CompatibilityError:
    versions_of = _group_by_change(broken)
    several = len(broken) > 1
    mode = gate.mode.removesuffix("_transitive")
    places = format_count(len(versions_of), "place")
    versions = f"version{'s' * several} {format_ranges(broken)}"
    title = f"the contract breaks {mode} compatibility with {versions} of {name} in {places}"
    items = [
        f"{change}{f', with {format_ranges(numbers)}' if several else ''}"
        for change, numbers in list(versions_of.items())[:MAX_CHANGES]
    ]
    message = list_items(title, items, len(versions_of))
    if len(versions_of) > MAX_CHANGES:
        message += "; task=diff shows the full comparison"
    return CompatibilityError(
        message,
        remedy=_suggest_waivers(gate, name, list(versions_of)),
        changes=list(versions_of),
        broken={str(number): changes for number, changes in broken.items()},
        mode=gate.mode,
        name=name,
    )


def _group_by_change(broken: dict[int, list[Change]]) -> dict[Change, list[int]]:
    """Return the versions that each change breaks."""
    versions_of: dict[Change, list[int]] = {}
    for number, changes in broken.items():
        for change in changes:
            versions_of.setdefault(change, []).append(number)
    return versions_of


def _suggest_waivers(gate: Gate, name: str, changes: list[Change]) -> str:
    waivers = [(waiver.rule, waiver.path, waiver.reason) for waiver in gate.waivers]
    waivers += [(change.rule, change.path, "...") for change in changes[:MAX_CHANGES]]
    entries = ", ".join(
        f"{{rule: {rule}, path: {_quote(path)}, reason: {_quote(reason)}}}"
        for rule, path, reason in waivers
    )
    return "\n".join(
        [
            "Nothing was registered. Change the contract, or use one of these:",
            f"  {shlex.quote(f'name={name}-2')} starts a new model; callers switch when ready",
            f"  {shlex.quote(f'register.waivers=[{entries}]')} accepts the changes "
            "and records your reason",
            "  register.compatibility=none skips the check",
        ]
    )


def _quote(text: str) -> str:
    """Put a text between double quotes, escaped for Hydra's override grammar."""
    escaped = re.sub(r'(\\*)"', r'\1\1\\"', re.sub(r"\\+$", r"\g<0>\g<0>", text))
    return f'"{escaped}"'.replace("${", "\\${")
