"""The errors that end a command, with the exit status that they end it with.

Errors of a room derive from these and live in their room.
"""

from __future__ import annotations


class NrrError(Exception):
    """Something failed; the message says what, and what to do."""

    exit_status = 1


class SettingsError(NrrError):
    """The command or its settings cannot work as they are."""

    exit_status = 2
