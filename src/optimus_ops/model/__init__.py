"""What is wanted: the merged Compose model and what follows from it."""
