"""The leak scan: what is about to be stored is looked through for keys, and refused where it holds one.

It finds the values of environment variables that are keys, keys of well-known forms, addresses that grant access, and random
texts under the names of keys; in files of every kind, without unpickling anything. What it finds is told by its place, never by
its value.
"""

from __future__ import annotations

from modelpact.security.leak_scan.registration import SCANNED, cut, examine, from_tags, recorded
from modelpact.security.leak_scan.report import Allowed, Leak, Report
from modelpact.security.leak_scan.scanner import scan_folder, scan_values

__all__ = [
    "SCANNED",
    "Allowed",
    "Leak",
    "Report",
    "cut",
    "examine",
    "from_tags",
    "recorded",
    "scan_folder",
    "scan_values",
]
