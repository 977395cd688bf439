"""Chat models with typed responses. A saved model carries this file, so it imports no test code."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from modelpact.models import ChatModel


class Person(BaseModel):
    """A person."""

    name: str
    age: int


class People(ChatModel):
    """Returns one person per row."""

    def predict(self, inputs: list[str], params: dict[str, Any] | None = None) -> list[Person]:
        """Return one person per string."""
        people: list[Person] = super().predict(inputs, params)
        return people


class Texts(ChatModel):
    """Returns one string per row."""

    def predict(self, inputs: list[str], params: dict[str, Any] | None = None) -> list[str]:
        """Return one string per string."""
        texts: list[str] = super().predict(inputs, params)
        return texts
