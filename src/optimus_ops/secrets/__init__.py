"""The operator's secrets: schema, strict files, first run, and which service may read what."""
