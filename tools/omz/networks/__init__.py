"""Network definitions, one family a file. Each file imports its framework, so this one imports nothing."""
