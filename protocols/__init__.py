"""What the bytes mean: pure code without clock, port, file, thread or print; integers only."""
