"""What is done with the app from outside: its Space is built, tried and published. Never part of the app."""
