"""Autoscaling rules side by side on a queueing model of one service."""
