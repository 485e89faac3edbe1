"""`invoke secrets.check-security`: all areas, one report."""
