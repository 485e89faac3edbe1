"""What the platform evaluates: suites of cases, the models that answer them, and a scripted one for offline runs."""
