"""Quantisation of models to 8 bits: calibrated, judged by the checker, and with the layers that it hurts in float."""
