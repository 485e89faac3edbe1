"""Evaluation of prompts and models: suites of cases, assertions, and a gate against a baseline."""
