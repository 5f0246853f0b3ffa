"""Procedural scenes with exact truth, and the tiny SAM 2 trained on them."""
