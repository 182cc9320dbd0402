"""Vertex elimination: graphs and orders, counted on paper; and the engines for blocks and for scalars."""
