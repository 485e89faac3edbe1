"""Test sessions: their second try of what failed, their results and coverage, and the report of all of it."""
