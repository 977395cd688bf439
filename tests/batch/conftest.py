"""The models that batches are scored with."""

from __future__ import annotations

from tests.support.model_fixtures import hinted, make_adapter, nested, scripted, table, tensor

__all__ = ["hinted", "make_adapter", "nested", "scripted", "table", "tensor"]  # the fixtures
