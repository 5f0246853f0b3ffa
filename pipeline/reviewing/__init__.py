"""A page in the browser on which doubtful frames are looked at and fixed."""
