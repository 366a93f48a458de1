"""Models by zoo name or path: matted with, downloaded, converted."""
