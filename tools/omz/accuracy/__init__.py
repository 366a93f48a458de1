"""How good a matte is: metrics, and the original beside the converted model."""
