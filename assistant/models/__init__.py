"""Which model answers whom: choices that users make, and the models in memory that serve them."""
