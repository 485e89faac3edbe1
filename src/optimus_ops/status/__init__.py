"""Status, logs and history of a stack."""
