"""Grafana dashboards and alert rules as code: `python -m scripts.dashboards` writes the files that Grafana reads."""
