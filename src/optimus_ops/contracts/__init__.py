"""Contracts: what services offer and need, whether versions fit, and the order in which they can be deployed."""
