"""Compatibility: the differences between two signatures, and which callers they break."""
