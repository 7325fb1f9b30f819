"""One file per sub-command of `shiftwatt`."""
