"""Refinement of an alpha by the picture and its plate: holes filled, shadows taken out, hair solved for."""
