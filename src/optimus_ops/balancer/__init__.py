"""What the balancer really does, proven from outside."""
