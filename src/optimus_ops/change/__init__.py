"""One change: options, lock, plan shown, steps carried out, journal, undo."""
