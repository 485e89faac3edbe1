"""GitHub's REST API, as far as tasks of workflows use it."""
