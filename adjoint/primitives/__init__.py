"""Floor 3: NumPy's vocabulary, filed by subject. Importing it fills the rule table."""

from adjoint.primitives import copies, indexing, linalg, linear, reductions, selecting, shapes, ufuncs

__all__ = ["copies", "indexing", "linalg", "linear", "reductions", "selecting", "shapes", "ufuncs"]
