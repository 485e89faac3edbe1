"""Load on the platform."""
