"""That a store was lost, noted for whoever can do without it for a while."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from oddwire.errors import ServiceError

if TYPE_CHECKING:
    from mlflow import MlflowClient


class Outage:
    """The first failure to reach a store; `error` is None as long as there was none."""

    def __init__(self) -> None:
        self.error: ServiceError | None = None

    def note(self, error: ServiceError) -> None:
        """Remember the first failure: those after it follow from it."""
        if self.error is None:
            self.error = error

    def noted_by(self, client: MlflowClient) -> MlflowClient:
        """Return a client that asks nothing more of a store that was lost.

        Part of what it is to hold is missing there: the rest would make no sense.
        """
        return cast("MlflowClient", _UntilLost(client, self))

    def raise_if_lost(self) -> None:
        """Raise the failure, for what cannot be done without the store.

        Raises
        ------
        ServiceError
            If there was one.
        """
        if self.error is not None:
            raise ServiceError(str(self.error))


class _UntilLost:
    def __init__(self, client: MlflowClient, outage: Outage) -> None:
        self._client, self._outage = client, outage

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of the client."""
        self._outage.raise_if_lost()
        return getattr(self._client, name)
