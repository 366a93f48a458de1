"""Videos: read with their times, written with alpha and sound, joined from segments."""
