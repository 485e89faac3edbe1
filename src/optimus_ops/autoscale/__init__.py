"""Autoscaling: replicas that follow the load within the budgets. How it decides: `docs/autoscale.md`."""
