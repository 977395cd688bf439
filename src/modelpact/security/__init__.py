"""Security: secrets, the leak scan, the manifest of a saved model and its verification."""
