"""People, rendered from the mesh of MakeHuman: subjects with hair, cloth and an exact alpha."""
