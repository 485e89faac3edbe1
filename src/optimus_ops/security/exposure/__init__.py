"""Leaked secrets: known values and keys of providers in files, git's object store, images and containers."""
