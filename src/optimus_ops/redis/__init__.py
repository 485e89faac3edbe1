"""Redis that survives its master: looking at servers and sentinels, fail-over, backup and restore."""
