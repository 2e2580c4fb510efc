"""Question -> passages, from a corpus in our own words."""
