"""The gateway: acquire, buffer, carbon, deliver, in the order of the data; pages stand beside them."""
