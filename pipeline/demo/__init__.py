"""Procedural scenes with exact truth, for trials and measurements of the product."""
