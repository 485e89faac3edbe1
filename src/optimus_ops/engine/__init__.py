"""What runs: observing and acting through Docker."""
