"""What readings prove about wires: wiring of a meter, health of a bus, the acceptance sheet. Pure; asks nobody.

Judgement, not accounting: angles and shares are floats here, and nothing of it is ever booked.
"""
