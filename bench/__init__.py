"""What the README's figures on speed come from: `python -m bench`. It measures and judges nothing."""
