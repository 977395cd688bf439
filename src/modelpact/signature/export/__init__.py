"""Export: a signature as JSON Schema and as Pydantic models."""
