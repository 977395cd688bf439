"""Private helpers: files, text, lazy imports, processes, and MLflow's private names."""
