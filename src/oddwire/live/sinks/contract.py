"""What every sink promises, and the three ways in which it fails."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from oddwire.live.state import Message


class Undelivered(Exception):  # noqa: N818 - the root of what is told apart below
    """Messages were not taken; the text tells no secret.

    Parameters
    ----------
    said
        Why.
    wait
        Seconds that the sink asks to be left alone for; 0 where it does not say.
    """

    def __init__(self, said: str, *, wait: float = 0.0) -> None:
        super().__init__(said)
        self.wait = wait


class Unreachable(Undelivered):
    """The sink does not answer, or takes nothing from us now: no verdict on these messages."""


class NotTaken(Undelivered):
    """The sink failed over these messages: another try may do, but not for ever."""


class Refused(Undelivered):
    """The sink will never take these messages."""


class Sink(Protocol):
    """Where messages go.

    Parameters
    ----------
    most
        Messages that `deliver` takes at once: they are delivered, tried again or buried together.
    """

    @property
    def most(self) -> int:
        """Messages that `deliver` takes at once."""

    def deliver(self, messages: Sequence[Message], place: str) -> str:
        """Deliver messages; after a kill, the same ones are delivered again.

        Parameters
        ----------
        messages
            What to deliver, in order.
        place
            What the last delivery returned, empty at first.

        Returns
        -------
        What the next delivery must know; it is committed with the messages' being delivered.

        Raises
        ------
        Undelivered
            If they were not taken, or it cannot be told.
        """

    def close(self) -> None:
        """Let go of files and connections."""
