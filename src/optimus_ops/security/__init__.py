"""Security scans: known tools over the checkout, their findings as one report, exceptions with reason and expiry."""
