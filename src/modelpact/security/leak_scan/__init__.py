"""The leak scan: what is about to be stored is looked through for keys, and refused where it holds one.

It finds the values of environment variables that are keys, keys of well-known forms, addresses that grant access, and random
texts under the names of keys; in files of every kind, without unpickling anything. What it finds is told by its place, never by
its value.
"""

from __future__ import annotations

from modelpact.security.leak_scan.registration import (
    LEAK_SCAN_TAG,
    allowlist_from_tags,
    allowlist_to_tag,
    redact,
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
    "scan_folder",
    "scan_values",
    "scan_version",
]
