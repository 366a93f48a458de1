"""``omz_demo serve``: cutouts over HTTP, with the pixels of the command."""
