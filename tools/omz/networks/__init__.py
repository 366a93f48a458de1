"""Network definitions, one family a file. Each imports its framework, so nothing is imported here."""
