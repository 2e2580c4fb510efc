"""Everything that keeps the door: cryptography, accounts, and the lab that teaches both."""
