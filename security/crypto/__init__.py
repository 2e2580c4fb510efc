"""The ground floor: sealing, passwords, one-time codes. Imports nothing of the rest of the project."""
