"""Rendering of results: tables and progress on a terminal, Markdown, JSON, JUnit XML and YAML."""
