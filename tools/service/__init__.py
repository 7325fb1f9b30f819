"""What a Linux machine needs to run the gateway as a service: files with places to fill in, one each, and no code."""
