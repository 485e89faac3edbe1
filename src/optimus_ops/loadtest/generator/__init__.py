"""What runs inside a generator's process: arrivals, requests, and the records of what became of them."""
