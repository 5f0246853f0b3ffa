"""What is remembered on disk of a run: journal, plan, lock, summary; and how far a data set is."""
