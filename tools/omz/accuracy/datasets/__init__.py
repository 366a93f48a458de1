"""Pictures with the truth about them, in the layouts of the field, read one frame at a time."""
