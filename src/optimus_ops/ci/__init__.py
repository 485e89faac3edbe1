"""CI as the local run: workflow files listed, planned and run on this machine."""
