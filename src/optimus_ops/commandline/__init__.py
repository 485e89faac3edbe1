"""The command line before and after a task: what is typed, what is shown, how it ends."""
