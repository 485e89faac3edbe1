"""Rotation of secrets without downtime: `invoke secrets.rotate`."""
