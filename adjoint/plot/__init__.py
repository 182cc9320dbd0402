"""Floor 8: pictures of the matrix, the graph and the multipliers; on paper, in a terminal, in a browser."""
