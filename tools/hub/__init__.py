"""The receiving end: takes batches, proves completeness, serves the read API."""
