"""Drift speaks up: an event on each verdict, and a webhook that Prefect calls where one is set."""

from __future__ import annotations

from typing import Any

from prefect.automations import Automation, CallWebhook, EventTrigger
from prefect.blocks.webhook import Webhook
from prefect.client.orchestration import get_client
from prefect.events import emit_event
from pydantic import SecretStr

DRIFT = "oddwire.drift"
_NAME = "oddwire: tell of drift"
_BLOCK = "oddwire-drift"
_DRIFTED = "oddwire.drifted"


def emit_verdict(source: str, *, drifted: bool, payload: dict[str, Any]) -> None:
    """Emit the event ``oddwire.drift`` of a drift check, whatever its verdict.

    Parameters
    ----------
    payload
        Plain values, as a webhook is sent them.
    """
    emit_event(
        event=DRIFT,
        resource={
            "prefect.resource.id": f"oddwire.source.{source}",
            "prefect.resource.name": source,
            _DRIFTED: "yes" if drifted else "no",
        },
        payload=payload,
    )


def tell_of_drift(address: str | None) -> None:
    """Let the Prefect server call a webhook when there is drift; None lets it call nobody.

    The address is kept in a block, encrypted; the automation, the logs and the page do not show
    it. One automation is kept, however often the flows are served.
    """
    enabled = True
    with get_client(sync_client=True) as client:
        for old in client.read_automations_by_name(_NAME):
            enabled = enabled and old.enabled  # who switched it off on the page is obeyed
            client.delete_automation(old.id)
    if address is None:
        return
    block = Webhook(url=SecretStr(address), method="POST")
    saved = block.save(_BLOCK, overwrite=True)
    Automation(
        name=_NAME,
        enabled=enabled,
        description="Calls the webhook of params.yaml when a drift check finds drift.",
        trigger=EventTrigger(
            expect={DRIFT},
            match={"prefect.resource.id": "oddwire.source.*", _DRIFTED: "yes"},
            threshold=1,
            within=0,
        ),
        actions=[CallWebhook(block_document_id=saved, payload="{{ event.payload | tojson }}")],
    ).create()
