"""Examples: valid and invalid inputs that are generated from a signature."""
