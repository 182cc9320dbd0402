"""Paper-sized functions, with every number that a textbook prints.

The mathematics in words. A function is a sequence of small steps z_i = f_i(earlier z's). Each step has a Lagrange
multiplier λ_i: the derivative of the final result with respect to z_i. The multipliers of the arguments are the
gradient; those of the steps in between say how much each intermediate value matters. They all come from one
triangular system A λ = −s, solved from the last step to the first. A derivative is a computation too, so it can be
recorded and differentiated again. A loop is recorded as the steps that it ran through.

Run: python examples/textbook.py
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

import adjoint


def product_of_sum(x, y, z):
    """``(x + y) z``: the first example of many courses on backpropagation."""
    return (x + y) * z


def shared_input(a, b):
    """``e = (a + b)(b + 1)``: ``b`` matters along two paths, and its multiplier is their sum."""
    c = adjoint.name(a + b, "c")
    d = adjoint.name(b + 1, "d")
    return adjoint.name(c * d, "e")


def nested_functions(x):
    """``exp(sin(x²))``: the chain rule, link by link."""
    return np.exp(np.sin(x**2))


def log_of_polynomial(x, y):
    """``log(3x² + 5xy)``, with a name for each intermediate value."""
    a = adjoint.name(x**2, "a")
    b = adjoint.name(3 * a, "b")
    c = adjoint.name(x * y, "c")
    d = adjoint.name(5 * c, "d")
    e = adjoint.name(b + d, "e")
    return np.log(e)


def product_and_exponential(x, y):
    """``xy + eˣ``: its derivative in ``x`` is ``y + eˣ``, and the derivative of that is ``eˣ``."""
    return x * y + np.exp(x)


def loop(x, c):
    """``x = x + c``, three times: three constraints, since each ``x`` is a new value."""
    for _ in range(3):
        x = x + c
    return x


def multipliers_by_label(trace: adjoint.Trace) -> dict[str, float]:
    """Every node's own multiplier, by its name (``z_i`` where it has none)."""
    multipliers = trace.compile().solve()
    return {node.name or f"z_{node.number}": float(multipliers[node.number]) for node in trace.nodes()}


def indented(trace: adjoint.Trace) -> str:
    """The numbered list of constraints, two spaces to the right."""
    return "\n".join("  " + line for line in str(trace).splitlines())


def show(title: str, f: Callable, *point: float) -> None:
    """Print a function's trace at a point, its value and all multipliers."""
    trace = adjoint.trace(f, *point)
    where = ", ".join(f"{x:g}" for x in point)
    print(f"\n{title} at ({where})\n{'─' * 88}")
    print(indented(trace))
    print(f"\n  value {float(f(*point)):.4f}; the multiplier of each step, ∂value/∂step:")
    for label, multiplier in multipliers_by_label(trace).items():
        print(f"    {label:<6}{multiplier:>10.4f}")


def show_derivatives_of_derivatives() -> None:
    """Print the trace of a derivative, and differentiate it again and again."""
    x, y = 1.0, 2.0
    derivative = adjoint.grad(product_and_exponential)
    second = adjoint.grad(derivative)
    print(f"\nThe derivative of xy + eˣ in x is a computation itself: its trace at ({x:g}, {y:g})\n{'─' * 88}")
    first_trace = adjoint.trace(derivative, x, y)
    print(indented(first_trace))
    print("\n  … so it can be differentiated again; the trace of the second derivative:\n")
    second_trace = adjoint.trace(second, x, y)
    print(indented(second_trace))
    print(f"\n    ∂f/∂x   = y + eˣ = {derivative(x, y):.4f}")
    print(f"    ∂²f/∂x² = eˣ     = {second(x, y):.4f}")
    print(f"    ∂³f/∂x³ = eˣ     = {adjoint.grad(second)(x, y):.4f}")


def main() -> None:
    show("(x + y) z", product_of_sum, -2.0, 5.0, -4.0)
    show("e = (a + b)(b + 1)", shared_input, 2.0, 1.0)
    show("exp(sin(x²))", nested_functions, 1.0)
    show("log(3x² + 5xy)", log_of_polynomial, 2.0, 3.0)
    show_derivatives_of_derivatives()
    show("The loop x = x + c, three times,", loop, 1.0, 0.5)
    print("\n  The matrix A of that loop, one row and column per step:")
    matrix = adjoint.trace(loop, 1.0, 0.5).compile().matrix("dense")
    print("\n".join("    " + "".join(f"{entry:4.0f}" if entry else "   ·" for entry in row) for row in matrix))


if __name__ == "__main__":
    main()
