"""Export: signatures as JSON Schema and as modules of Pydantic models."""
