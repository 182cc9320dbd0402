"""Chains of small states: how they are found, linearized in stacks, and reduced; for `parallel_scan`."""
