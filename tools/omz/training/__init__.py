"""How the starter weights were made, so that anyone can make them again or better."""
