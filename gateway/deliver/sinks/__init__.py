"""Other systems that get what is stored, each in its own language; one file per system, driven by `forwarder`."""
