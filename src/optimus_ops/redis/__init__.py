"""Redis: discovery, checks, coordinated failover, backup and restore."""
