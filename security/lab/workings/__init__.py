"""Algorithms and simulations that lessons show, spelled out to be seen: nothing else may use them."""
