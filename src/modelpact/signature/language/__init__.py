"""The language that signatures are written in: parsed, checked and written back."""
