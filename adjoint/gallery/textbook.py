"""Functions of a few numbers, as textbooks draw them; and two where the order of elimination matters."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np

from adjoint.gallery.example import Example
from adjoint.tracing import name


def product_of_sum(x: Any, y: Any, z: Any) -> Any:
    """``(x + y) z``."""
    q = name(x + y, "q")
    return name(q * z, "f")


def shared_input(a: Any, b: Any) -> Any:
    """``e = (a + b)(b + 1)``."""
    c = name(a + b, "c")
    d = name(b + 1, "d")
    return name(c * d, "e")


def log_of_polynomial(x: Any, y: Any) -> Any:
    """``log(3x² + 5xy)``."""
    a = name(x**2, "a")
    b = name(3 * a, "b")
    c = name(x * y, "c")
    d = name(5 * c, "d")
    e = name(b + d, "e")
    return name(np.log(e), "f")


def speelpenning(x: Any) -> Any:
    """``x₁ x₂ … xₙ``, one factor after the other."""
    product = x[0]
    for k in range(1, len(x)):
        product = name(product * x[k], f"p{k + 1}")
    return product


def minors(X: Any) -> Any:
    """The determinant by expansion along the first row; a minor that is needed again is not computed again."""
    n = len(X)
    entries = [[name(X[i, j], f"x{i + 1},{j + 1}") for j in range(n)] for i in range(n)]
    found: dict[tuple[int, ...], Any] = {(j,): entries[n - 1][j] for j in range(n)}
    for size in range(2, n + 1):
        row = entries[n - size]
        found = {columns: expand(row, columns, found) for columns in combinations(range(n), size)}
    return found[tuple(range(n))]


def expand(row: Any, columns: tuple[int, ...], smaller: dict[tuple[int, ...], Any]) -> Any:
    """The minor of the last rows and these columns, along the first of its rows."""
    total: Any = 0.0
    for position, column in enumerate(columns):
        term = row[column] * smaller[columns[:position] + columns[position + 1 :]]
        total = total - term if position % 2 else total + term
    return name(total, f"minor {','.join(str(column + 1) for column in columns)}")


def _factors(size: str) -> tuple[Any, ...]:
    return (np.linspace(0.8, 1.3, {"small": 8, "full": 1000}[size]),)


def _matrix(size: str) -> tuple[Any, ...]:
    n = {"small": 3, "full": 10}[size]
    return (np.random.default_rng(0).standard_normal((n, n)),)


EXAMPLES = (
    Example(
        "product_of_sum",
        "(x + y) z",
        "textbook",
        product_of_sum,
        lambda size: (-2.0, 5.0, -4.0),
        "The rows of x and y hold one block each, both in the column of q, and both blocks are 1: a sum passes its "
        "multiplier on unchanged. In the column of f each factor has the value of the other one.",
        source="CS231n, Stanford: Backpropagation, Intuitions",
    ),
    Example(
        "shared_input",
        "(a + b)(b + 1)",
        "textbook",
        shared_input,
        lambda size: (2.0, 1.0),
        "The row of b is the only one with two blocks off the diagonal, for the two paths from b to e. Its equation "
        "adds them: λ_b = λ_c + λ_d.",
        source="C. Olah, Calculus on Computational Graphs: Backpropagation, 2015",
    ),
    Example(
        "log_of_polynomial",
        "log(3x² + 5xy)",
        "textbook",
        log_of_polynomial,
        lambda size: (1.0, 2.0),
        "No row but that of x has two blocks off the diagonal: x is the only value that is used twice. The two paths "
        "meet in the column of e, and from there one block leads to the result.",
        source="M. P. Deisenroth, A. A. Faisal, C. S. Ong, Mathematics for Machine Learning, section 5.6",
    ),
    Example(
        "speelpenning",
        "Speelpenning's product",
        "textbook",
        speelpenning,
        _factors,
        "The row of x has a block for every factor, and the partial products make a staircase beside the diagonal. "
        "Back substitution climbs it once, so all n partial derivatives cost as much as a few products.",
        source="B. Speelpenning, Compiling Fast Partial Derivatives, 1980",
    ),
    Example(
        "minors",
        "Determinant by minors",
        "textbook",
        minors,
        _matrix,
        "Each entry of the last row is read by several minors, so there are as many paths from it to the determinant "
        "as the textbook formula has terms with it. Each minor has one row all the same: what the recursion would "
        "compute again is shared.",
    ),
)
