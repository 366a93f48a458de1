"""Images as uint8 arrays, (H, W, 3) BGR: files, sizes, compositing, plates."""
