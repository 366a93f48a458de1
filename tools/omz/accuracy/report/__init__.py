"""An evaluation as files: a page to look at, tables to compute with, and what a build server reads."""
