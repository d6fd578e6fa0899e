"""Drift speaks up: an event on each verdict, and a webhook that Prefect calls where one is set."""

from __future__ import annotations

from typing import Any

from prefect.automations import Automation, CallWebhook, EventTrigger
from prefect.blocks.webhook import Webhook
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.events import emit_event
from prefect.exceptions import ObjectNotFound
from pydantic import SecretStr

from oddwire.operations.drift.result import DriftResult
from oddwire.traffic.wire_text import printable

DRIFT = "oddwire.drift"
_NAME = "oddwire: tell of drift"
_BLOCK = "oddwire-drift"
_DRIFTED = "oddwire.drifted"
_MOST_COLUMNS = 100  # Prefect refuses an event of more than 1.5 MB
_LONGEST_NAME = 120


def emit_verdict(result: DriftResult) -> None:
    """Emit the event ``oddwire.drift`` of a drift check, whatever its verdict."""
    emit_event(
        event=DRIFT,
        resource={
            "prefect.resource.id": f"oddwire.source.{result.source}",
            "prefect.resource.name": result.source,
            _DRIFTED: "yes" if result.check.drifted else "no",
        },
        payload=payload_of(result),
    )


def payload_of(result: DriftResult) -> dict[str, Any]:
    """Return what a webhook is sent: one period's result, of its columns the most drifted."""
    of_the_whole_check = {"earlier", "refused", "waiting", "already_checked"}
    plain = {k: v for k, v in result.to_dict().items() if k not in of_the_whole_check}
    columns = plain["columns"][:_MOST_COLUMNS]
    plain["columns"] = [
        one | {"column": printable(one["column"], _LONGEST_NAME)} for one in columns
    ]
    return plain


def tell_of_drift(address: str | None) -> None:
    """Let the Prefect server call a webhook when there is drift; None lets it call nobody.

    The address is kept in a block, encrypted, for as long as it is set; the automation, the logs
    and the page do not show it. One automation is kept, however often the flows are served.
    """
    enabled = True
    with get_client(sync_client=True) as client:
        for old in client.read_automations_by_name(_NAME):
            enabled = enabled and old.enabled  # who switched it off on the page is obeyed
            client.delete_automation(old.id)
        if address is None:
            _forget_address(client)
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


def _forget_address(client: SyncPrefectClient) -> None:
    try:
        block = client.read_block_document_by_name(_BLOCK, Webhook.get_block_type_slug())
    except ObjectNotFound:
        return
    client.delete_block_document(block.id)
