"""Releases of a Python distribution: version, changelog, wheel and sdist, GitHub release, action tags."""
