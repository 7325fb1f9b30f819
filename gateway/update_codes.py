"""What a submeter's update registers say in numbers: states, commands, and reasons as sentences. Nothing is asked or sent here."""

from enum import IntEnum


class State(IntEnum):
    """The order of the register's codes, which a test compares."""

    IDLE, RECEIVING, CHECKING, CHECKED, INSTALLED, TRIAL, REFUSED, INSTALLING = range(8)


class Command(IntEnum):
    CANCEL, BEGIN, CHECK, INSTALL, CONFIRM = range(5)


REASONS = {
    1: "the bundle is too large for the meter, or its size is not what was announced",
    2: "what arrived is not what was sent; start the command again",
    3: "its signature is not by the key in the meter's configuration, or it is no bundle of this format",
    4: "it is for other hardware",
    5: "the meter has run a newer version already",
    6: "the meter's flash did not take it: it is full or worn out",
    7: "the new version did not start, did not measure or was not confirmed; the old version is back and goes on counting",
}
