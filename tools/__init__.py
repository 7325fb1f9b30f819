"""What a person runs: the command, the virtual factory, the hub, start and checks."""
