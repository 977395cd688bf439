"""Mappings of names to values in a configuration."""

from __future__ import annotations

from typing import Any

__all__ = ["read_named_values"]


def read_named_values(value: Any) -> Any:
    """Return a mapping whose names are text.

    Hydra reads a name of digits as a number, and has no syntax for names with other characters than
    ASCII letters: a mapping may also be YAML text.

    Example:
        >>> read_named_values({2026: "double"})
        {'2026': 'double'}
        >>> read_named_values("{größe: string}")
        {'größe': 'string'}
    """
    if isinstance(value, str) and value.lstrip().startswith("{"):
        import yaml  # type: ignore[import-untyped, unused-ignore]

        try:
            value = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise ValueError(f"invalid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(value, dict):
        return value
    return {str(key) if type(key) in (int, float) else key: item for key, item in value.items()}
