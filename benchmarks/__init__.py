"""How fast, how large: run ``python benchmarks/core.py``, read ``benchmarks/README.md``."""
