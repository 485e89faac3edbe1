"""Who writes the replies: one protocol, and the providers behind it."""
