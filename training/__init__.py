"""The training studio: a user's own text -> a better model, in steps, from the page or a shell."""
