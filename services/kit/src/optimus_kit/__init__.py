"""What every Optimus service shares: settings, secrets, tenancy, the HTTP shell, drain, presence, the Redis client."""
