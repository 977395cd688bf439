"""The rules that a version must pass before `task=promote` moves an alias to it."""

from __future__ import annotations

import contextlib
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from modelpact import registry
from modelpact._internal import mlflow_compat
from modelpact._internal.counts import format_count
from modelpact._internal.files import temporary_folder
from modelpact._internal.mlflow_errors import suppress_codes
from modelpact._internal.text import did_you_mean, truncate
from modelpact.errors import ConfigError, PactError
from modelpact.registry.aliases import RuleResult
from modelpact.registry.versions import CHECKS_TAG
from modelpact.security.integrity import verify_files
from modelpact.security.published import find_published
from modelpact.signature import diff, filter_breaking

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from modelpact.types import Signature, Version

__all__ = ["PromotionCriteria", "RuleName", "check_promotion"]

RuleName = Literal["metric", "compatibility", "verified", "integrity"]

LISTED_CHANGES = 3
"""How many breaking changes the compatibility rule lists."""


@dataclass(frozen=True, slots=True)
class PromotionCriteria:
    """The parameters of the rules.

    Attributes:
        metric: The metric to compare; None for the only one that the versions have.
        better: The direction of improvement; None for scikit-learn's scorers, where higher is
            better.
        min_gain: The minimum improvement; 0.0 means any improvement, a negative value tolerates
            that much regression.
        compatibility: The required compatibility with the contract of the version that the alias
            names.
    """

    metric: str | None = None
    better: Literal["higher", "lower"] | None = None
    min_gain: float = 0.0
    compatibility: Literal["none", "backward", "forward", "full"] = "backward"


def check_promotion(
    client: MlflowClient, new: Version, champion: Version | None, criteria: PromotionCriteria
) -> list[RuleResult]:
    """Apply each rule.

    Args:
        client: A client of the open store.
        new: The version to promote.
        champion: The version that the alias names now, if any.
        criteria: The parameters of the rules.

    Raises:
        ConfigError: The metric to compare, or its direction, is ambiguous.
    """
    return [
        _check_metric(client, new, champion, criteria),
        _check_compatibility(client, new, champion, criteria.compatibility),
        _check_verified(new),
        _check_integrity(new),
    ]


def _pass(name: RuleName, detail: str) -> RuleResult:
    return RuleResult(name=name, ok=True, detail=detail)


def _fail(name: RuleName, detail: str) -> RuleResult:
    return RuleResult(name=name, ok=False, detail=detail)


def _check_metric(
    client: MlflowClient, new: Version, champion: Version | None, criteria: PromotionCriteria
) -> RuleResult:
    own = _read_metrics(client, new)
    if criteria.metric is not None and criteria.metric not in own:
        hint = _suggest_metric(criteria.metric, own)
        return _fail("metric", f"{_label(new)} has no {criteria.metric}{hint}")
    if champion is None:
        return _pass("metric", "no version to compare with yet")
    old = _read_metrics(client, champion)
    name = criteria.metric or _only_metric(own, old, new)
    if name is None:
        return _pass("metric", "neither version has a metric")
    value, reference = own.get(name, math.nan), old.get(name, math.nan)
    if math.isnan(value):
        return _fail("metric", f"{_label(new)} has {'NaN as' if name in own else 'no'} {name}")
    if math.isnan(reference):
        detail = f"{_label(champion)} has no {name} to compare with; it is {value:.6g}"
        return _pass("metric", detail)
    return _compare_metric(name, value, reference, criteria)


def _suggest_metric(name: str, own: dict[str, float]) -> str:
    listed = f"; it has {', '.join(sorted(own))}" if own else ""
    return did_you_mean(name, own) or listed


def _compare_metric(
    name: str, value: float, reference: float, criteria: PromotionCriteria
) -> RuleResult:
    # The difference of two equal infinities is NaN.
    gain = 0.0 if value == reference else value - reference
    if (criteria.better or _scorer_direction(name)) == "lower":
        gain = -gain
    minimum = f", minimum gain {criteria.min_gain:g}" if criteria.min_gain else ""
    detail = f"{name} {reference:.6g} -> {value:.6g}: {_describe_gain(gain)}{minimum}"
    # Without a minimum, an unchanged metric is not an improvement.
    ok = gain > 0 if criteria.min_gain == 0 else gain >= criteria.min_gain
    return RuleResult(name="metric", ok=ok, detail=detail)


def _describe_gain(gain: float) -> str:
    if not gain:
        return "unchanged"
    return f"{'better' if gain > 0 else 'worse'} by {abs(gain):.3g}"


def _only_metric(own: dict[str, float], old: dict[str, float], new: Version) -> str | None:
    """Return the only metric that both versions have, or else that one of them has."""
    names = sorted(set(own) & set(old)) or sorted(own) or sorted(old)
    if len(names) > 1:
        raise ConfigError(
            f"{_label(new)} has several metrics, and task.metric is not set",
            remedy=f"Choose one with task.metric=...: {', '.join(names)}.",
        )
    return names[0] if names else None


def _scorer_direction(name: str) -> Literal["higher"]:
    """Return "higher" for a scorer of scikit-learn, where higher is better by convention."""
    from sklearn.metrics import get_scorer_names

    if name not in get_scorer_names():
        raise ConfigError(
            f"it is unknown whether a higher {name} is better: it is not a scikit-learn scorer",
            remedy="Set task.better=higher or task.better=lower.",
        )
    return "higher"


def _read_metrics(client: MlflowClient, version: Version) -> dict[str, float]:
    """Return the last value of each metric of a version's logged model, or of its run."""
    logged = re.fullmatch(r"models:/(m-[0-9a-f]+)", str(version.source))
    with suppress_codes("RESOURCE_DOES_NOT_EXIST"):
        if logged is not None:
            metrics = client.get_logged_model(logged[1]).metrics or []
            ordered = sorted(metrics, key=lambda metric: (metric.timestamp, metric.step))
            return {metric.key: float(metric.value) for metric in ordered}
        if version.run_id:
            return dict(client.get_run(version.run_id).data.metrics)
    return {}


def _check_compatibility(
    client: MlflowClient,
    new: Version,
    champion: Version | None,
    mode: Literal["none", "backward", "forward", "full"],
) -> RuleResult:
    if mode == "none":
        return _pass("compatibility", "not checked: task.compatibility=none")
    try:
        signature = registry.read_version_signature(client, new)
        old = None if champion is None else registry.read_version_signature(client, champion)
    except (PactError, registry.VersionNotFound) as error:
        return _fail("compatibility", truncate(getattr(error, "message", error), 300))
    if signature is None:
        return _fail("compatibility", f"{_label(new)} has no signature")
    if champion is None:
        return _pass("compatibility", "no version to compare with yet")
    if old is None:
        return _pass("compatibility", f"{_label(champion)} has no signature to compare with")
    return _compare_signatures(old, signature, mode)


def _compare_signatures(
    old: Signature, new: Signature, mode: Literal["backward", "forward", "full"]
) -> RuleResult:
    changes = diff(old, new)
    broken = filter_breaking(changes, mode)
    if not broken:
        count = format_count(len(changes), "change") if changes else "no changes"
        return _pass("compatibility", f"{mode}: {count}")
    listed = ", ".join(str(change) for change in broken[:LISTED_CHANGES])
    more = len(broken) - LISTED_CHANGES
    detail = f"breaks {mode}: {listed}{f', and {more} more' if more > 0 else ''}"
    return _fail("compatibility", truncate(detail, 500))


def _check_verified(new: Version) -> RuleResult:
    """Check the tag that lists the checks a version passed before it was registered."""
    checks = list(filter(None, new.tags.get(CHECKS_TAG, "").split(",")))
    if not checks:
        return _fail("verified", f"{_label(new)} has no record of a verification")
    if "NOT_VERIFIED" in checks:
        return _fail("verified", f"{_label(new)} was registered with verifier=none")
    count = format_count(len(checks), "check")
    return _pass("verified", f"{count} passed when it was published")


def _check_integrity(new: Version) -> RuleResult:
    from mlflow.exceptions import MlflowException

    uri = f"models:/{new.name}/{new.version}"
    try:
        with contextlib.ExitStack() as folders:
            folder = mlflow_compat.download_model(
                uri, lambda: folders.enter_context(temporary_folder())
            )
            result = verify_files(folder, find_published(uri).tags)
    except (MlflowException, OSError) as error:
        return _fail("integrity", f"cannot read its files: {truncate(error, 200)}")
    if result.problems:
        detail = "; ".join(problem.text for problem in result.problems)
        return _fail("integrity", truncate(detail, 300))
    if result.digest is None or not result.attested:
        return _fail("integrity", "it was published without a manifest of its files")
    return _pass("integrity", "its files are as published")


def _label(version: Version) -> str:
    return f"version {version.version}"
