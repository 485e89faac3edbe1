"""Migrations in a deploy: what is pending, whether the running version survives it, and the way back."""
