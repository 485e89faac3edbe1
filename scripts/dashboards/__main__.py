"""Write the dashboards, the alert rules and the table of alerts in docs/dashboards.md."""

from __future__ import annotations

from scripts.dashboards.files import CHECKOUT, files

for path, text in files().items():
    (CHECKOUT / path).parent.mkdir(parents=True, exist_ok=True)
    (CHECKOUT / path).write_text(text, "utf-8")
