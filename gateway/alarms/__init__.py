"""What is worth waking someone for: rules over the gateway's status, and a watch that remembers what was raised. Pure."""
