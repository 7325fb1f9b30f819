"""The factor pack, data only: `published.csv` (verified), `derived.csv` (Chinese fuel defaults with what they are
made of), `unverified.csv` (loaded behind a switch only) and `sources.toml` (the publications)."""
