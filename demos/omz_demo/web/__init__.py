"""``omz_demo web``: a page on which people drop pictures, with the pixels of the command."""
