"""One lesson a file, each with a `LESSON`. Modules that begin with an underscore are no lessons."""
