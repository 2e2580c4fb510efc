"""Prompt -> token stream, by one Engine protocol."""
