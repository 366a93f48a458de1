"""The commands: thin modules that parse arguments, call the library, print and exit."""
