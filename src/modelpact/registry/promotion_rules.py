"""The rules of a promotion: what is asked of a version before an alias may name it, and what the store says about that."""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from modelpact import registry
from modelpact._internal import mlflow_compat
from modelpact._internal.files import temporary_folder
from modelpact._internal.text import did_you_mean, truncate
from modelpact.errors import ConfigError, PactError
from modelpact.registry.aliases import RuleResult
from modelpact.registry.versions import CHECKS_TAG
from modelpact.security.integrity import find_published, verify_files
from modelpact.signature import diff, filter_breaking

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from modelpact.types import Version

__all__ = ["PromotionCriteria", "RuleName", "check_promotion"]

RuleName = Literal["metric", "compatibility", "verified", "integrity"]

SHOWN = 3
"""How many changes a rule lists."""


@dataclass(frozen=True, slots=True)
class PromotionCriteria:
    """What is asked of a version.

    Attributes:
        metric: What is compared; None for the only one that there is.
        better: Which way; None for scikit-learn's, whose scorers are all the better the higher.
        min_gain: By how much it must be better at least; 0.0: at all; less: so much worse is taken.
        compatibility: What must hold between its contract and that of the version that the alias names.
    """

    metric: str | None = None
    better: Literal["higher", "lower"] | None = None
    min_gain: float = 0.0
    compatibility: Literal["none", "backward", "forward", "full"] = "backward"


def check_promotion(
    client: MlflowClient, new: Version, champion: Version | None, asked: PromotionCriteria
) -> list[RuleResult]:
    """Apply each rule.

    Args:
        client: A client for the open store.
        new: The version that is to be named.
        champion: The version that the alias names; None for none.
        asked: What is asked.

    Raises:
        ConfigError: It is not clear which metric is to be compared, or which way.
    """
    return [
        _metric(client, new, champion, asked),
        _compatibility(client, new, champion, asked.compatibility),
        _verified(new),
        _integrity(new),
    ]


def _metric(
    client: MlflowClient, new: Version, champion: Version | None, asked: PromotionCriteria
) -> RuleResult:
    own = _metrics(client, new)
    if asked.metric is not None and asked.metric not in own:
        listed = f"; it has {', '.join(sorted(own))}" if own else ""
        return RuleResult(
            name="metric",
            ok=False,
            detail=f"{_called(new)} has no {asked.metric}{did_you_mean(asked.metric, own) or listed}",
        )
    if champion is None:
        return RuleResult(name="metric", ok=True, detail="no version to compare with yet")
    old = _metrics(client, champion)
    name = asked.metric or _only(own, old, new)
    if name is None:
        return RuleResult(name="metric", ok=True, detail="neither version has a metric")
    if name not in own or math.isnan(own[name]):
        return RuleResult(
            name="metric",
            ok=False,
            detail=f"{_called(new)} has {'no' if name not in own else 'NaN as'} {name}",
        )
    if name not in old or math.isnan(old[name]):
        return RuleResult(
            name="metric",
            ok=True,
            detail=f"{_called(champion)} has no {name} to compare with; it is {own[name]:.6g}",
        )
    lower = (asked.better or _convention(name)) == "lower"
    gain = (
        0.0 if own[name] == old[name] else own[name] - old[name]
    )  # two infinities differ by no number
    gain = -gain if lower else gain
    ok = gain >= asked.min_gain and (gain > 0 or asked.min_gain < 0)
    how = "the same" if not gain else f"{'better' if gain > 0 else 'worse'} by {abs(gain):.3g}"
    wanted = f", wanted {asked.min_gain:g} at least" if asked.min_gain else ""
    return RuleResult(
        name="metric", ok=ok, detail=f"{name} {old[name]:.6g} -> {own[name]:.6g}: {how}{wanted}"
    )


def _only(own: dict[str, float], old: dict[str, float], new: Version) -> str | None:
    """The one metric that both have, or that there is."""
    names = sorted(set(own) & set(old)) or sorted(own) or sorted(old)
    if len(names) > 1:
        raise ConfigError(
            f"{_called(new)} has several metrics, and it is not said which one is compared",
            remedy=f"Choose one of them with task.metric=...: {', '.join(names)}.",
        )
    return names[0] if names else None


def _convention(name: str) -> Literal["higher"]:
    """Which way is better, by the name that scikit-learn knows a scorer by."""
    from sklearn.metrics import get_scorer_names

    if name not in get_scorer_names():
        raise ConfigError(
            f"{name} is no scorer of scikit-learn, so it is not known whether more of it is better",
            remedy="Say so: task.better=higher or task.better=lower.",
        )
    return "higher"


def _metrics(client: MlflowClient, version: Version) -> dict[str, float]:
    """The last figure of each metric of a version's model, or of its run where MLflow knows no model."""
    logged = re.fullmatch(r"models:/(m-[0-9a-f]+)", str(version.source))
    with _if_there():
        if logged is not None:
            found = client.get_logged_model(logged[1]).metrics or []
            return {
                one.key: float(one.value)
                for one in sorted(found, key=lambda one: (one.timestamp, one.step))
            }
        if version.run_id:
            return dict(client.get_run(version.run_id).data.metrics)
    return {}


@contextlib.contextmanager
def _if_there() -> Iterator[None]:
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise


def _compatibility(
    client: MlflowClient,
    new: Version,
    champion: Version | None,
    mode: Literal["none", "backward", "forward", "full"],
) -> RuleResult:
    if mode == "none":
        return RuleResult(
            name="compatibility", ok=True, detail="not asked: task.compatibility=none"
        )
    try:
        signature = registry.read_version_signature(client, new)
        old = None if champion is None else registry.read_version_signature(client, champion)
    except (PactError, registry.VersionNotFound) as error:
        told = error.message if isinstance(error, PactError) else error
        return RuleResult(name="compatibility", ok=False, detail=truncate(told, 300))
    if signature is None:
        return RuleResult(name="compatibility", ok=False, detail=f"{_called(new)} has no signature")
    if champion is None:
        return RuleResult(name="compatibility", ok=True, detail="no version to compare with yet")
    if old is None:
        return RuleResult(
            name="compatibility",
            ok=True,
            detail=f"{_called(champion)} has no signature to compare with",
        )
    changes = diff(old, signature)
    broken = filter_breaking(changes, mode)
    if not broken:
        return RuleResult(
            name="compatibility",
            ok=True,
            detail=f"{mode}: {len(changes) or 'no'} change{'s' * (len(changes) != 1)}",
        )
    more = f", and {len(broken) - SHOWN} more" if len(broken) > SHOWN else ""
    listed = ", ".join(str(change) for change in broken[:SHOWN])
    return RuleResult(
        name="compatibility", ok=False, detail=truncate(f"breaks {mode}: {listed}{more}", 500)
    )


def _verified(new: Version) -> RuleResult:
    """By the tag that registration copies from the model, where the pipeline puts it after the verification."""
    checks = [code for code in str((new.tags or {}).get(CHECKS_TAG, "")).split(",") if code]
    if not checks:
        return RuleResult(
            name="verified", ok=False, detail=f"nothing says that {_called(new)} was ever verified"
        )
    if "NOT_VERIFIED" in checks:
        return RuleResult(
            name="verified", ok=False, detail=f"{_called(new)} was registered with verifier=none"
        )
    return RuleResult(
        name="verified",
        ok=True,
        detail=f"{len(checks)} check{'s' * (len(checks) != 1)} passed when it was published",
    )


def _integrity(new: Version) -> RuleResult:
    from mlflow.exceptions import MlflowException

    uri = f"models:/{new.name}/{new.version}"
    try:
        with contextlib.ExitStack() as made:
            known = find_published(uri)
            folder = mlflow_compat.download_model(
                uri, lambda: made.enter_context(temporary_folder())
            )
            found = verify_files(folder, None if known is None else known.tags)
    except (MlflowException, OSError) as error:
        return RuleResult(
            name="integrity", ok=False, detail=f"its files cannot be read: {truncate(error, 200)}"
        )
    if found.problems:
        detail = truncate("; ".join(problem.text for problem in found.problems), 300)
        return RuleResult(name="integrity", ok=False, detail=detail)
    if found.digest is None or not found.attested:
        return RuleResult(
            name="integrity", ok=False, detail="it was published without a manifest of its files"
        )
    return RuleResult(name="integrity", ok=True, detail="its files are those that were published")


def _called(version: Version) -> str:
    return f"version {version.version}"
