"""Checks: one verdict on one subject, with what was found and what to do.

A subsystem offers checks to `invoke doctor`, and lines to `invoke status`, in modules of its own: see `providers`.
"""
