"""The Hugging Face Space: `python -m tools.space build | try | publish`."""
