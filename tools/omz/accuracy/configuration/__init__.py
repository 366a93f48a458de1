"""Open Model Zoo's accuracy-check.yml, read and run as it is."""
