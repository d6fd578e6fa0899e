"""That a store was lost, noted for whoever can do without it for a while."""

from __future__ import annotations

from oddwire.errors import ServiceError


class Outage:
    """The first failure to reach a store; `error` is None as long as there was none."""

    def __init__(self) -> None:
        self.error: ServiceError | None = None

    def note(self, error: ServiceError) -> None:
        """Remember the first failure: those after it follow from it."""
        if self.error is None:
            self.error = error

    def raise_if_lost(self) -> None:
        """Raise the failure, for what cannot be done without the store.

        Raises
        ------
        ServiceError
            If there was one.
        """
        if self.error is not None:
            raise ServiceError(str(self.error))
