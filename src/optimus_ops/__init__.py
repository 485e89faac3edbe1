"""Optimus Ops: an Invoke/Nox task library that runs a multi-tenant platform on containers."""
