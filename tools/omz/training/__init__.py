"""Training of the starter weights, so that anyone can make them again or better."""
