"""Rows, kept durably: knows the model's shape, not its meaning."""
