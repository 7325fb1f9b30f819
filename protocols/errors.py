"""Everything that can go wrong between a request and its answer, by whose fault it is.

    ProtocolError
    +-- LineNoise      the wire: bytes that are no whole frame, or whose check is wrong
    +-- NoAnswer       silence until the time-out
    +-- WrongAnswer    a whole frame, but not the answer to what was asked
    +-- MeterRefused   the meter answered with an exception code
    +-- OurMistake     a request, row or text of ours that makes no sense

`reason` is the short word that stands in readings and in `read --json`. Runs on MicroPython.
"""


class ProtocolError(Exception):
    reason = "protocol_error"


class LineNoise(ProtocolError):
    reason = "line_noise"


class NoAnswer(ProtocolError):
    reason = "no_answer"


class WrongAnswer(ProtocolError):
    reason = "wrong_answer"


class MeterRefused(ProtocolError):
    """`code` is the Modbus exception code (1 function, 2 address, 3 value, 4 failure, 6 busy ...)."""

    def __init__(self, code: int) -> None:
        super().__init__("the meter refused with exception %d" % code)
        self.code = code
        self.reason = "exception_%d" % code


class OurMistake(ProtocolError):
    reason = "our_mistake"
