"""Webhooks over HTTP: who is called when something happens, and what came of each call."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Annotated, Final, Literal

from fastapi import Depends, Path, Query
from starlette.responses import Response

from lading import clock, ids
from lading.api import answers, cursors, documents, grounds, merging
from lading.api.auth import ADMINS, INSPECTORS, OPERATORS, Caller, gate
from lading.api.routing import router as new_router
from lading.api.services import Services, services_of
from lading.db import notify
from lading.errors import InvalidInput
from lading.webhooks import rules, store
from lading.wire import webhooks as wire
from lading.wire.jobs import Grounds

router: Final = new_router("webhooks")
_BASE: Final = "/api/v1/webhooks"
_ONE: Final = f"{_BASE}/{{webhook_id}}"
_LOG: Final = f"{_ONE}/deliveries"
_MAX_PAGE: Final = 200
_LONGEST_OVERLAP: Final = 7 * 86_400
_ETAG: Final = {"headers": {"ETag": documents.header("The version of the webhook.", '"v3"')}}
_Services = Annotated[Services, Depends(services_of)]
_Inspector = Annotated[Caller, Depends(gate(INSPECTORS))]
_Operator = Annotated[Caller, Depends(gate(OPERATORS))]
_Admin = Annotated[Caller, Depends(gate(ADMINS))]
_Id = Annotated[str, Path(description="`whk_…`.")]


@router.get(_BASE, name="listWebhooks", response_model=wire.WebhookList)
async def list_webhooks(caller: _Inspector, services: _Services) -> Response:
    """List the webhooks of a tenant, without their secrets."""
    async with services.database.tenant(caller.tenant.id) as tx:
        found = await store.every(tx)
    return answers.shown(wire.WebhookList([_shown(each) for each in found]))


@router.post(
    _BASE,
    name="createWebhook",
    status_code=201,
    response_model=wire.WebhookWithSecret,
    responses={201: _ETAG, **documents.problems(409)},
)
async def create(body: wire.WebhookRequest, caller: _Admin, services: _Services) -> Response:
    """Add a webhook, told of what happens from now on; the answer is the only place that shows its secret."""
    webhook_id, secret = ids.new(), secrets.token_bytes(rules.SECRET_BYTES)
    sealed = services.vault.seal(secret, caller.tenant.id, webhook_id)
    async with services.database.tenant(caller.tenant.id) as tx:
        made = await store.create(tx, webhook_id, _settings(body), secret=sealed, actor=caller.principal.actor)
    return _with_secret(made, secret, status=201)


@router.get(_ONE, name="getWebhook", response_model=wire.Webhook, responses={200: _ETAG, **documents.problems(404)})
async def get(webhook_id: _Id, caller: _Inspector, services: _Services) -> Response:
    """Return one webhook."""
    async with services.database.tenant(caller.tenant.id) as tx:
        found = await store.get(tx, ids.parse(ids.WEBHOOK, webhook_id))
    return _answer(found)


@router.put(
    _ONE, name="putWebhook", response_model=wire.Webhook, responses={200: _ETAG, **documents.problems(404, 412, 428)}
)
async def put(
    webhook_id: _Id, body: wire.WebhookRequest, caller: _Admin, services: _Services, version: documents.Change
) -> Response:
    """Change a webhook, disable it, or enable it again: it goes on where it stood."""
    async with services.database.tenant(caller.tenant.id) as tx:
        found = await store.change(
            tx, ids.parse(ids.WEBHOOK, webhook_id), _settings(body), version=version, actor=caller.principal.actor
        )
    return _answer(found)


@router.patch(
    _ONE, name="patchWebhook", response_model=wire.Webhook, responses={200: _ETAG, **documents.problems(404, 412, 428)}
)
async def patch(
    webhook_id: _Id, body: merging.Patch, caller: _Admin, services: _Services, version: documents.Change
) -> Response:
    """Change a part of a webhook: null sets a field back, what is not named stays."""
    identifier = ids.parse(ids.WEBHOOK, webhook_id)
    async with services.database.tenant(caller.tenant.id) as tx:
        stands = await store.lock(tx, identifier, version)
        asked = merging.merge(_request(stands.settings), body)
        found = await store.change(
            tx, identifier, _settings(asked), version=stands.version, actor=caller.principal.actor
        )
    return _answer(found)


@router.delete(_ONE, name="deleteWebhook", status_code=204, responses=documents.problems(400, 404, 412, 428))
async def delete(
    *,
    webhook_id: _Id,
    caller: _Admin,
    services: _Services,
    body: Grounds | None = None,
    version: documents.Change,
) -> Response:
    """Remove a webhook and the log of its calls."""
    given = grounds.of(body)
    async with services.database.tenant(caller.tenant.id) as tx:
        await store.delete(
            tx,
            ids.parse(ids.WEBHOOK, webhook_id),
            version=version,
            actor=caller.principal.actor,
            reason=given.reason,
            ticket=given.ticket,
        )
    return Response(status_code=204)


@router.post(
    f"{_ONE}/rotate-secret",
    name="rotateWebhookSecret",
    response_model=wire.WebhookWithSecret,
    responses={200: _ETAG, **documents.problems(404, 412)},
)
async def rotate(
    webhook_id: _Id,
    caller: _Admin,
    services: _Services,
    body: wire.SecretRotation | None = None,
    if_match: documents.IfMatch = None,
) -> Response:
    """Give a webhook a new secret; for a while both sign, so that its receiver has time to change."""
    overlap = (body or wire.SecretRotation()).overlap_seconds
    if not 0 <= overlap <= _LONGEST_OVERLAP:
        raise InvalidInput.field("overlap_seconds", f"must be 0 to {_LONGEST_OVERLAP}.")
    identifier, secret = ids.parse(ids.WEBHOOK, webhook_id), secrets.token_bytes(rules.SECRET_BYTES)
    sealed = services.vault.seal(secret, caller.tenant.id, identifier)
    async with services.database.tenant(caller.tenant.id) as tx:
        found = await store.rotate(
            tx,
            identifier,
            secret=sealed,
            overlap=timedelta(seconds=overlap),
            version=answers.expected_version(if_match),
            actor=caller.principal.actor,
        )
    return _with_secret(found, secret, status=200)


@router.post(
    f"{_ONE}/test",
    name="testWebhook",
    status_code=202,
    response_model=wire.Message,
    responses=documents.problems(404, 409, 429),
)
async def test(webhook_id: _Id, caller: _Operator, services: _Services) -> Response:
    """Call a webhook with an event of type `webhook.test`; its log tells what came of it."""
    actor = caller.principal.actor
    await services.admission.admit(caller.tenant.id, count=1, priority=0, actor=actor)
    async with services.database.tenant(caller.tenant.id) as tx:
        found = await store.test(tx, ids.parse(ids.WEBHOOK, webhook_id), actor=actor)
    await services.hints.send(notify.JOBS)
    return answers.shown(_message(found), status=202)


@router.get(_LOG, name="listWebhookDeliveries", response_model=wire.MessagePage, responses=documents.problems(404))
async def list_deliveries(
    *,
    webhook_id: _Id,
    caller: _Inspector,
    services: _Services,
    state: Annotated[Literal["pending", "delivered", "failed", "cancelled"] | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=_MAX_PAGE)] = 50,
    cursor: Annotated[str | None, Query(max_length=500, description="`next_cursor` of the page before.")] = None,
) -> Response:
    """List what was told to a webhook, newest first."""
    filters = [webhook_id, state]
    before = cursors.parse(cursor, ids.MESSAGE, filters)
    async with services.database.tenant(caller.tenant.id) as tx:
        found = await store.messages(
            tx, ids.parse(ids.WEBHOOK, webhook_id), state=state, before=before, limit=limit + 1
        )
    following = cursors.show(found[limit - 1].id, ids.MESSAGE, filters) if len(found) > limit else None
    return answers.shown(wire.MessagePage([_message(each) for each in found[:limit]], following))


@router.post(
    f"{_LOG}/{{message_id}}/redeliver",
    name="redeliverWebhookMessage",
    status_code=202,
    response_model=wire.Message,
    responses=documents.problems(400, 404, 409, 429),
)
async def redeliver(
    webhook_id: _Id,
    message_id: Annotated[str, Path(description="`msg_…`.")],
    caller: _Operator,
    services: _Services,
    body: Grounds | None = None,
) -> Response:
    """Tell a webhook once more what it was told or could not be told, under the same `webhook-id`."""
    given, actor = grounds.of(body), caller.principal.actor
    await services.admission.admit(caller.tenant.id, count=1, priority=0, actor=actor)
    async with services.database.tenant(caller.tenant.id) as tx:
        found = await store.redeliver(
            tx,
            ids.parse(ids.WEBHOOK, webhook_id),
            ids.parse(ids.MESSAGE, message_id),
            actor=actor,
            reason=given.reason,
            ticket=given.ticket,
        )
    await services.hints.send(notify.JOBS)
    return answers.shown(_message(found), status=202)


def _settings(body: wire.WebhookRequest) -> rules.Settings:
    return rules.Settings(
        url=body.url,
        topics=body.topics,
        types=body.types,
        format=body.format,
        description=body.description,
        timeout_seconds=body.timeout_seconds,
        is_enabled=body.is_enabled,
    )


def _request(stands: rules.Settings) -> wire.WebhookRequest:
    return wire.WebhookRequest(
        url=stands.url,
        topics=list(stands.topics),
        types=list(stands.types),
        format=stands.format,
        description=stands.description,
        timeout_seconds=stands.timeout_seconds,
        is_enabled=stands.is_enabled,
    )


def _with_secret(webhook: store.Webhook, secret: bytes, *, status: int) -> Response:
    told = wire.WebhookWithSecret(_shown(webhook), rules.show_secret(secret))
    return answers.edited(told, webhook.version, status=status)


def _answer(webhook: store.Webhook) -> Response:
    return answers.edited(_shown(webhook), webhook.version)


def _shown(webhook: store.Webhook) -> wire.Webhook:
    given = webhook.settings
    return wire.Webhook(
        id=webhook.subject,
        url=given.url,
        topics=list(given.topics),
        types=list(given.types),
        format=given.format,
        description=given.description,
        timeout_seconds=given.timeout_seconds,
        is_enabled=given.is_enabled,
        disabled_because=webhook.disabled_because,
        failing_since=clock.shown(webhook.failing_since),
        old_secret_until=clock.shown(webhook.old_until),
        place=webhook.place,
        version=webhook.version,
        created_by=webhook.created_by,
        created_at=clock.show(webhook.created_at),
        updated_at=clock.show(webhook.updated_at),
    )


def _message(message: store.Message) -> wire.Message:
    return wire.Message(
        id=ids.show(ids.MESSAGE, message.id),
        event=message.event_id,
        type=message.type,
        subject=message.subject,
        state=message.state,
        job=ids.show(ids.JOB, message.job_id),
        attempts=message.attempts,
        status=message.status,
        error=message.error,
        created_at=clock.show(message.created_at),
        tried_at=clock.shown(message.tried_at),
        ended_at=clock.shown(message.ended_at),
    )
