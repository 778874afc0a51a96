"""Keys: made, sealed, opened and used here, and nowhere else (DESIGN §7)."""
