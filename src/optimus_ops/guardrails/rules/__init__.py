"""Kinds of rules: what each reads from the policy, and how it judges."""
