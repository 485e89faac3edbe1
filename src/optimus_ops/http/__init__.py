"""Requests over HTTP, for all that asks a server."""
