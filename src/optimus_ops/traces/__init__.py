"""Traces: what a store holds of a request, shown and proven."""
