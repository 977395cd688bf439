"""Compatibility: the differences between two signatures, and what each breaks."""
