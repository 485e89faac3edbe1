"""Load generators: the command that starts each; all write the same records."""
