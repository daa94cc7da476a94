"""The edge service of a government service hall."""
