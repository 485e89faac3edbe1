"""The faces of the library: each task is a signature, a docstring and a call."""
