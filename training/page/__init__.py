"""The studio's page: a step a file, each a function that makes components and binds them to the studio."""
