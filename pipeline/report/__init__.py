"""The page that shows what happened to a data set."""
