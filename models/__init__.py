"""The zoo's cards, as package data: a folder a model, no code."""
