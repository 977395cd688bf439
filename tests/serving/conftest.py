"""The models that are served."""

from __future__ import annotations

from tests.support.model_fixtures import hinted, made, nested, table, talker, tensor, told

__all__ = ["hinted", "made", "nested", "table", "talker", "tensor", "told"]  # the fixtures
