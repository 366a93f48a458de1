"""Where results go: files of pictures, videos, the screen."""
