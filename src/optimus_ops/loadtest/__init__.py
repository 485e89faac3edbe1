"""Load tests: an offered load, latencies from the intended start, verdicts by objectives, and what the platform did."""
