"""Text -> findings: what is in the text, where, and whether it is said to be there."""
