"""What runs leave on disk about themselves, and how a data set is opened again."""
