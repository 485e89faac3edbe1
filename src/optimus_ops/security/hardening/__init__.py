"""Hardening of containers: of every combination of the Compose files, of what runs, and where both differ."""
