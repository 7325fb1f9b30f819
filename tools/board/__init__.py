"""The simulated board: what the firmware finds around it when there is no hardware, faults included."""
