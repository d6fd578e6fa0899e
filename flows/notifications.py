"""Who is told: an event on each verdict on drift, and a webhook that Prefect calls if it is set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from prefect.automations import Automation, CallWebhook, EventTrigger
from prefect.blocks.webhook import Webhook
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.events import emit_event
from prefect.events.actions import DoNothing
from prefect.exceptions import ObjectNotFound
from pydantic import SecretStr

from oddwire.operations.drift.result import DriftResult
from oddwire.traffic.wire_text import printable

DRIFT = "oddwire.drift"
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


@dataclass(frozen=True, kw_only=True)
class Notice:
    """What a webhook is sent, and when.

    Parameters
    ----------
    name, description
        As the Prefect page shows them.
    trigger
        When.
    payload
        A template of the JSON that is sent, of Prefect's ``event``.
    without_webhook
        Whether it is kept where there is no webhook, for the event that it makes itself.
    """

    name: str
    description: str
    trigger: EventTrigger
    payload: str = "{{ event.payload | tojson }}"
    without_webhook: bool = False


def drift_notice() -> Notice:
    """Return what is sent when a drift check finds drift."""
    return Notice(
        name="oddwire: tell of drift",
        description="Tells that a drift check found drift.",
        trigger=EventTrigger(
            expect={DRIFT},
            match={"prefect.resource.id": "oddwire.source.*", _DRIFTED: "yes"},
            threshold=1,
            within=0,
        ),
    )


def tell(address: str | None, *notices: Notice) -> None:
    """Let the Prefect server call a webhook; None lets it call nobody.

    The address is kept in a block, encrypted, for as long as it is set; automations, the logs and
    the page do not show it. One automation of a name is kept, however often the flows are served.
    """
    with get_client(sync_client=True) as client:
        enabled = {each.name: _removed(client, each.name) for each in notices}
        if address is None:
            _forget_address(client)
    for each in notices:
        if address is not None or each.without_webhook:
            Automation(
                name=each.name, enabled=enabled[each.name], description=each.description,
                trigger=each.trigger, actions=[_action(address, each.payload)],
            ).create()  # fmt: skip


def _action(address: str | None, payload: str) -> CallWebhook | DoNothing:
    if address is None:
        return DoNothing()
    saved = Webhook(url=SecretStr(address), method="POST").save(_BLOCK, overwrite=True)
    return CallWebhook(block_document_id=saved, payload=payload)


def _removed(client: SyncPrefectClient, name: str) -> bool:
    """Remove the automations of a name; return whether a new one is to be enabled."""
    enabled = True
    for old in client.read_automations_by_name(name):
        enabled = enabled and old.enabled  # who switched it off on the page is obeyed
        client.delete_automation(old.id)
    return enabled


def _forget_address(client: SyncPrefectClient) -> None:
    try:
        block = client.read_block_document_by_name(_BLOCK, Webhook.get_block_type_slug())
    except ObjectNotFound:
        return
    client.delete_block_document(block.id)
