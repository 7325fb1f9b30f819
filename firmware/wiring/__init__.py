"""One file for each front end: what it is wired to, made out of what the chip offers. Only starting needs the one that is named."""
