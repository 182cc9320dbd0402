"""Pictures and tables made of characters."""

from adjoint.plot.texts.tables import kind_line, kind_table, node_table, one_line
from adjoint.plot.texts.terminal import picture_in_text, summary, text

__all__ = ["kind_line", "kind_table", "node_table", "one_line", "picture_in_text", "summary", "text"]
