"""Looking, without changing anything: status, logs and doctor."""
