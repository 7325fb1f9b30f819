"""The version of this application, three numbers: what an update compares and the identity shows."""

VERSION = "0.1.0"
