"""Rendering: tables and progress on a terminal, Markdown, and pages in HTML."""
