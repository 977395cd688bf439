"""Models that files are put through."""

from __future__ import annotations

from tests.support.model_fixtures import hinted, made, nested, table, tensor, told

__all__ = ["hinted", "made", "nested", "table", "tensor", "told"]  # the fixtures
