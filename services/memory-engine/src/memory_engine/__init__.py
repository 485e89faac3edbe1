"""Memories of each tenant, found again by meaning: PostgreSQL with pgvector behind a small HTTP face."""

__version__ = "0.1.0"
