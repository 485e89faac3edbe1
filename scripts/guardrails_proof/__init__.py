"""What shows that guardrails find what they should, and nothing else: seeded violations, and the history judged."""
