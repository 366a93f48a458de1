"""Pictures: uint8 arrays, (H, W, 3) BGR, in and out of files, to other sizes, over other backgrounds."""
