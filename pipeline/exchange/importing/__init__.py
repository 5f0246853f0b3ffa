"""The work of an import: which frames its images are, and where their maps go."""
