"""What the assistant's events look like: HTML made of escaped text. No Gradio, no model."""
