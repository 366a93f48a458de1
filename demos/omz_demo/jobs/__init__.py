"""A kind of work each: pictures, a video, what is live."""
