"""What the tasks do, each as observe, plan, render, apply, verify."""
