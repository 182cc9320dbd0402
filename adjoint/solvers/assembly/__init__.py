"""Strategies on the scalar matrix: right-hand sides, plans, costs, kernels."""
