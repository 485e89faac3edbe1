"""Checking the machine and the checkout."""
