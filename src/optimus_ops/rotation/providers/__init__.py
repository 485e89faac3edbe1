"""Providers of keys: the protocol that `provider-key` speaks, and the APIs that make and revoke keys."""
