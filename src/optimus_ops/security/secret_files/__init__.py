"""The files of secrets themselves: who can read them, and what values they hold."""
