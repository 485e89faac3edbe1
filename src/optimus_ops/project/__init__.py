"""What a checkout says: settings, Compose files, `.env`."""
