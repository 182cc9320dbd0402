"""A block bidiagonal system by cyclic reduction, which is an associative scan of its blocks.

With transitions ``T_j`` between the states ``0 … m``, the two systems are

    forward   x_{j+1} = T_j x_j + r_{j+1}          backward   λ_j = T_jᴴ λ_{j+1} + s_j

Eliminating every second state leaves a system of half the length with the transitions ``T_{2i+1} T_{2i}``; the
eliminated states follow from their neighbors. The products of all levels are the factor. Each level is a few NumPy
calls on all its matrices at once, so a solve takes ``log2(m)`` steps that wait for each other.

Cost: about ``m n³`` multiplications for the factor, ``2 m n²`` for each right-hand side, memory ``2 m n²``.

References
----------
R. W. Hockney, J. ACM 12 (1965) 95–113 (cyclic reduction); G. E. Blelloch, "Prefix sums and their applications",
CMU-CS-90-190 (1990), section 1.4 (recurrences as scans).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from adjoint.blocks import Array, safe_multiply
from adjoint.blocks.kernels import conjugate


def product(a: Array, b: Array, guarded: bool) -> Array:
    """``a @ b`` of stacked matrices; guarded, a zero of either factor is a structural zero."""
    if not guarded:
        return np.matmul(a, b)
    return safe_multiply(a[..., :, :, None], b[..., None, :, :]).sum(-2)


@dataclass(frozen=True, slots=True, eq=False)
class Tree:
    """The transitions and the products that eliminate every second state, level by level.

    Attributes
    ----------
    levels : list of array (m_l, n, n)
        ``T`` of each level, stacked.
    guarded : bool
        Whether zeros are structural against infinite and NaN entries.
    """

    levels: list[Array]
    guarded: bool

    @classmethod
    def of(cls, transitions: Array, guarded: bool) -> Tree:
        """The products of ``m`` transitions ``(m, n, n)``."""
        levels = [transitions]
        while len(levels[-1]) > 1:
            pairs = len(levels[-1]) // 2
            level = levels[-1][: 2 * pairs]
            levels.append(product(level[1::2], level[::2], guarded))
        return cls(levels, guarded)

    def backward(self, s: Array) -> Array:
        """All ``λ_j`` for ``s`` of shape ``(m + 1, right-hand sides, n)``."""
        kept = []
        for level in self.levels:
            if len(s) < 2:
                break
            even, odd = s[::2], s[1::2]
            kept.append((level, odd))
            s = _add_first(even, product(odd, conjugate(level[::2]), self.guarded))
        for level, odd in reversed(kept):
            later = product(s[1:], conjugate(level[1::2]), self.guarded) if len(s) > 1 else s[1:]
            s = _interleave(s, _add_first(odd, later))
        return s

    def forward(self, r: Array) -> Array:
        """All ``x_j`` for ``r`` of shape ``(m + 1, right-hand sides, n)``."""
        kept = []
        for level in self.levels:
            if len(r) < 2:
                break
            even, odd = r[::2], r[1::2]
            kept.append((level, odd))
            reached = product(odd[: len(level) // 2], level[1::2].swapaxes(-1, -2), self.guarded)
            r = np.concatenate([even[:1], even[1:] + reached])
        for level, odd in reversed(kept):
            r = _interleave(r, odd + product(r[: len(odd)], level[::2].swapaxes(-1, -2), self.guarded))
        return r


def _add_first(a: Array, b: Array) -> Array:
    """``a`` with ``b`` added to its first entries."""
    if len(a) == len(b):
        return a + b
    return np.concatenate([a[: len(b)] + b, a[len(b) :]])


def _interleave(even: Array, odd: Array) -> Array:
    """``even[0], odd[0], even[1], …``"""
    shape = (2 * len(odd), *even.shape[1:])
    pairs = np.stack([even[: len(odd)], odd], axis=1).reshape(shape)
    return pairs if len(even) == len(odd) else np.concatenate([pairs, even[len(odd) :]])
