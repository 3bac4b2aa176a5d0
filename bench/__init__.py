"""Benchmarks: ratios between this service and what it stands on, both sides measured in one run.

    python -m bench            # all of them
    python -m bench sqlite     # one

Each prints its figures and the goal beside each. They need `wrk`.
"""
