"""Containers of id maps, one module each."""
