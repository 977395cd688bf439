"""Chat models with typed responses. A saved model carries this file, so it imports no test code."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from modelpact.models import ChatModel


class Person(BaseModel):
    """Somebody."""

    name: str
    age: int


class People(ChatModel):
    """Answers with a person a row."""

    def predict(self, inputs: list[str], params: dict[str, Any] | None = None) -> list[Person]:
        """Somebody for each text."""
        people: list[Person] = super().predict(inputs, params)
        return people


class Texts(ChatModel):
    """Answers with a text a row."""

    def predict(self, inputs: list[str], params: dict[str, Any] | None = None) -> list[str]:
        """A text for each text."""
        texts: list[str] = super().predict(inputs, params)
        return texts
