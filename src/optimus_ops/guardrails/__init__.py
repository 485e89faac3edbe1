"""Architecture guardrails: rules of `policy.yaml`, judged on a change, on a diff, or on the whole repository."""
