"""Inference: a signature from data, or from type hints."""
