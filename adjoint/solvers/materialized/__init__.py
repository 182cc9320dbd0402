"""Blocks that are made once and kept: what is eliminated, and the factor; for `block_sparse`."""
