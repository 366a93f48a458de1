"""Cut subjects out of images, videos and live sources, from options to files."""
