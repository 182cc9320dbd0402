"""SciPy's functions that NumPy's protocols do not reach, under SciPy's own names.

``from adjoint.scipy.special import logsumexp`` in place of ``from scipy.special import logsumexp``: on plain arrays
it is SciPy's function, on traced values it is recorded. The ufuncs of ``scipy.special`` need no wrapper.
"""
