"""The virtual line and factory: simulated wires, meters and loads, for the demo and the tests."""
