"""A regular package: one that somebody else installs under this name must not stand in its place."""
