"""Examples: inputs made from a signature, valid ones and broken ones."""
