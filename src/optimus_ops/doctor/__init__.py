"""Checks of the host, the stack and the checkout."""
