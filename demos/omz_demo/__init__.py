"""The demo: cut subjects out of pictures."""
