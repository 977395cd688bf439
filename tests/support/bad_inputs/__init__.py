"""A list of bad inputs: command lines and calls, with the files that they name."""
