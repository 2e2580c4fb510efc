"""Users, sessions, login pages and the middleware that denies by default."""
