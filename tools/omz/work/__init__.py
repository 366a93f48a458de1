"""Stages that work at the same time, and where their time goes."""
