"""Enforcement: checks and converts data under a signature, inputs as well as outputs."""
