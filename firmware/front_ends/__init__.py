"""One file per chip or input; each turns what it reads into `metrology.window.Window` records."""
