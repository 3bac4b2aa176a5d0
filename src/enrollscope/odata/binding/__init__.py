"""Nodes to plans: every name and type is looked up in the model here, and nowhere else."""
