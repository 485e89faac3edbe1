"""Whether a candidate is worse than its baseline, by paired differences of the same cases."""
