"""The schema's history, inside the package so that an image carries it."""
