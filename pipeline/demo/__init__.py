"""Procedural scenes with exact truth, to try and to measure the product on."""
