"""The interactive page: ``to_html`` and what it is made of."""

from __future__ import annotations

from adjoint.plot.page.writing import to_html

__all__ = ["to_html"]
