"""What notebooks show: HTML and SVG, made without matplotlib."""

from adjoint.plot.notebook.rendering import solution_html, system_html, trace_html

__all__ = ["solution_html", "system_html", "trace_html"]
