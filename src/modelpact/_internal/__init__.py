"""Helpers that no user imports: files, text, lazy imports, processes, and MLflow's private names."""
