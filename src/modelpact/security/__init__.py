"""Secrets, the leak scan, manifests and their verification, and serialization formats."""
