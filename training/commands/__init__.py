"""One command a file. Each has `register(commands)`, which adds its parser and sets `run`.

`run(arguments, console)` does the work through the same functions as the page, and returns the exit code.
"""
