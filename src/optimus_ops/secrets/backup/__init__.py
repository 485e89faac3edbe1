"""Encrypted backups of a file of secrets, and what puts one back."""
