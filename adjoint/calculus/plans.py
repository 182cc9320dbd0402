"""Sparse derivatives for users: plans for many points, and the pattern alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from adjoint.calculus.coloring import ColoringPlan
from adjoint.calculus.common import Argnums
from adjoint.calculus.reverse import grad
from adjoint.calculus.sparse import SparsePlan


def jacobian_plan(
    f: Callable[..., Any],
    *args: Any,
    argnums: Argnums = 0,
    order: str = "auto",
    strategy: str = "elimination",
    **kwargs: Any,
) -> SparsePlan | ColoringPlan:
    """The sparse Jacobian of ``f`` as a function of the point, planned at ``args``.

    Parameters
    ----------
    f : callable
        NumPy code; its output may be a pytree.
    *args
        A point of the shapes and dtypes that the plan is for.
    argnums : int or sequence of int, default 0
    order : {"auto", "forward", "reverse", "markowitz", "lowest_cost", "local_search"}
        In which order intermediate nodes are eliminated; ``"auto"`` counts each on paper and takes the cheapest.
        Coloring knows ``"forward"`` (columns), ``"reverse"`` (rows) and ``"auto"`` (the fewer colors).
    strategy : {"elimination", "coloring"}, default "elimination"
        Coloring sends columns (or rows) with nothing in common through one sweep together.
    **kwargs
        Handed to ``f``, at this point and at all others.

    Returns
    -------
    SparsePlan
        ``plan(*args)`` gives ``scipy.sparse.csr_array`` of shape ``(output.size, argument.size)``.

    Notes
    -----
    The blocks of the constraint matrix are sums of monomials, an index map and a data vector each. Eliminating the
    intermediate nodes joins the maps, here and once; what it does with the data is recorded, and replayed at each
    point. No coloring is needed, and no derivative is computed along a seed vector. Where an index or a branch of the
    program depends on values, another one at a new point is an error, not a wrong answer.

    References
    ----------
    A. Griewank and A. Walther, *Evaluating Derivatives*, 2nd ed., SIAM 2008, chapter 9.

    Examples
    --------
    >>> import numpy as np, adjoint
    >>> plan = adjoint.jacobian_plan(lambda x: x[1:] * x[:-1], np.ones(3))
    >>> plan(np.array([1.0, 2.0, 3.0])).toarray()
    array([[2., 1., 0.],
           [0., 3., 2.]])
    """
    return _plan(f, args, argnums, kwargs, order, strategy, symmetric=False, what="jacobian_plan")


def _plan(
    f: Callable[..., Any],
    args: Sequence[Any],
    argnums: Argnums,
    kwargs: dict[str, Any],
    order: str,
    strategy: str,
    **options: Any,
) -> SparsePlan | ColoringPlan:
    if strategy == "coloring":
        return ColoringPlan(f, args, argnums, kwargs, order)
    if strategy != "elimination":
        raise ValueError(f"strategy must be 'elimination' or 'coloring', not {strategy!r}")
    return SparsePlan(f, args, argnums, kwargs, order=order, **options)


def hessian_plan(
    f: Callable[..., Any],
    *args: Any,
    argnums: Argnums = 0,
    order: str = "auto",
    strategy: str = "elimination",
    **kwargs: Any,
) -> SparsePlan | ColoringPlan:
    """The sparse Hessian of a scalar function as a function of the point, planned at ``args``.

    The Jacobian of the gradient, by elimination on the gradient's own trace; only the upper triangle is computed, and
    mirrored, so that the matrix is symmetric to the last bit. Parameters and result as in :func:`jacobian_plan`;
    coloring sends the columns of the Hessian through the gradient's tangents, and is symmetric to rounding.

    Examples
    --------
    >>> import numpy as np, adjoint
    >>> plan = adjoint.hessian_plan(lambda x: np.sum(x[0] * x[1:] ** 2), np.ones(3))
    >>> plan(np.array([1.0, 2.0, 3.0])).toarray()
    array([[0., 4., 6.],
           [4., 2., 0.],
           [6., 0., 2.]])
    """
    gradient = grad(f, argnums)
    return _plan(gradient, args, argnums, kwargs, order, strategy, symmetric=True, what="hessian_plan")


def sparsity(f: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """A function that gives the sparsity pattern of the Jacobian of ``f``, without its values.

    Returns
    -------
    callable
        It takes the arguments of ``f`` and returns ``scipy.sparse.csr_array`` of bool, in the structure of
        :func:`adjoint.jacobian`. The pattern holds at every point at which ``f`` runs through the same operations.

    Examples
    --------
    >>> import numpy as np, adjoint
    >>> adjoint.sparsity(lambda x: np.cumsum(x * x))(np.ones(3)).toarray().astype(int)
    array([[1, 0, 0],
           [1, 1, 0],
           [1, 1, 1]])
    """

    @wraps(f)
    def run(*args: Any, **kwargs: Any) -> Any:
        return SparsePlan(f, args, argnums, kwargs, what="sparsity").sparsity

    return run
