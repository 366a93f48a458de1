"""Seeded scenes with exact alpha, foreground and plate: data that nobody has to download."""
