"""Guardrails as a server of the Model Context Protocol, for editors and agents (https://modelcontextprotocol.io)."""
