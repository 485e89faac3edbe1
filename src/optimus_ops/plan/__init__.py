"""From what is wanted and what runs to steps: planned purely, rendered, executed under a lock, written to a journal."""
