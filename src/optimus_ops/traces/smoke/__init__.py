"""Smoke test of traces: requests are sent, and each has to be found in the store as one whole trace."""
