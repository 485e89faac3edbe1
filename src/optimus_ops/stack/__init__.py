"""One Compose stack: its files and its engine, what is wanted and what runs."""
