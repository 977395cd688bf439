"""The leak scan rejects secrets in models, tags and run parameters before they are stored.

Unlike detect-secrets and gitleaks, it reads pickles without unpickling them, knows MLflow's
metadata, finds the values of known environment variables in every encoding, and reports the place
of a secret but never its value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelpact._internal.lazy import lazy

if TYPE_CHECKING:
    from modelpact.security.leak_scan.redaction import redact, redact_json
    from modelpact.security.leak_scan.registration import (
        LEAK_SCAN_TAG,
        allowlist_from_tags,
        allowlist_to_tag,
        scan_version,
    )
    from modelpact.security.leak_scan.report import AllowlistEntry, Leak, ScanReport
    from modelpact.security.leak_scan.scanner import scan_folder, scan_values

__all__ = [
    "LEAK_SCAN_TAG",
    "AllowlistEntry",
    "Leak",
    "ScanReport",
    "allowlist_from_tags",
    "allowlist_to_tag",
    "redact",
    "redact_json",
    "scan_folder",
    "scan_values",
    "scan_version",
]

__getattr__ = lazy(
    __name__,
    {
        "LEAK_SCAN_TAG": ".registration",
        "AllowlistEntry": ".report",
        "Leak": ".report",
        "ScanReport": ".report",
        "allowlist_from_tags": ".registration",
        "allowlist_to_tag": ".registration",
        "redact": ".redaction",
        "redact_json": ".redaction",
        "scan_folder": ".scanner",
        "scan_values": ".scanner",
        "scan_version": ".registration",
    },
)
