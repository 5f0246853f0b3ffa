"""The steps of an export: find the id maps, encode them chunk by chunk, join the parts."""
