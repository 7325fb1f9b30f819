"""The wires: one owner task per line; plan, poll, back off; answers become readings."""
