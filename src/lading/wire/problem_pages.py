"""What every problem code means and how it is mended: the page that a problem's `type` leads to."""

from __future__ import annotations

from html import escape
from typing import Final

from lading.wire.problems import STATUS

PATH: Final = "/problems"

PAGES: Final[dict[str, tuple[str, str]]] = {
    "bad-request": (
        "The request is no HTTP that can be answered: its path, a header or its query can't be read.",
        "Correct what `detail` names and send it again; the same request fails again.",
    ),
    "reason-required": (
        "A control verb was used without saying why. Every such call stands in the ledger with its reason.",
        "Send `reason` (and `ticket`, if there is one) in the body; on the command line `--reason`.",
    ),
    "unauthenticated": (
        "There is no token, or it is unknown, expired, revoked or meant for somebody else.",
        "Send `Authorization: Bearer ldg_…` with a key that is valid; an admin of the tenant makes keys.",
    ),
    "forbidden": (
        "The token is valid, and its role or scopes do not include this.",
        "Ask an admin of the tenant for a key or a membership with the role that the route names (`x-lading-roles`).",
    ),
    "tenant-suspended": (
        "The tenant is suspended: nothing of it may be asked for until an admin of the instance lets it go on.",
        "Ask who operates this installation; the reason stands in the ledger.",
    ),
    "policy-denied": (
        "A policy of the tenant does not allow this export; `policy`, `rule` and `violations` say which and why.",
        "Ask for what it allows, or have an admin change it. Nothing was enqueued; the refusal is in the ledger.",
    ),
    "not-found": (
        "There is no such thing in this tenant. Whether another tenant has it is not told.",
        "Check id, tenant and path; lists show what there is.",
    ),
    "method-not-allowed": (
        "The path exists and does not know this method.",
        "Use one of those that the `Allow` header names.",
    ),
    "request-timeout": (
        "The body of the request did not come in time.",
        "Send it again over a faster or steadier connection; nothing was done.",
    ),
    "conflict": (
        "The thing is in a state, or has a neighbour, that does not allow this.",
        "Read it again; `detail` says what stands in the way.",
    ),
    "invalid-transition": (
        "The state of the thing does not lead to the one that was asked for, such as cancelling what is completed.",
        "Read it again: somebody or something was faster.",
    ),
    "last-admin": (
        "This would leave the tenant without anybody who may administer it.",
        "Make another admin first.",
    ),
    "stale-lease": (
        "The work belongs to another worker by now: the lease ran out, or a newer attempt began.",
        "Stop this attempt and claim again; nothing that it sent was stored.",
    ),
    "held": (
        "A legal hold keeps the thing from being deleted or from expiring.",
        "Have the hold lifted by who may do that, then try again.",
    ),
    "in-use": (
        "Something else still uses the thing, or it is being handed out at this moment.",
        "Change or end what `detail` names first.",
    ),
    "gone": (
        "The thing was here and was deleted or has expired; its entries in the ledger stay.",
        "Make it anew if it is needed.",
    ),
    "precondition-failed": (
        "The thing has changed since the version that `If-Match` names.",
        "Read it again, put your change on top, and send that with the new `ETag`.",
    ),
    "too-large": (
        "The body is longer than the limit of this installation (`LADING_BODY_LIMIT_BYTES`).",
        "Send less, or in several requests.",
    ),
    "unsupported-media-type": (
        "The body is not declared as JSON.",
        "Send JSON with `Content-Type: application/json`.",
    ),
    "range-not-satisfiable": (
        "The `Range` lies outside of the file.",
        "Ask for a range below the size that `Content-Range` tells, or for the whole file.",
    ),
    "invalid-input": (
        "A field, parameter or header is wrong; `errors` has a JSON pointer, a sentence and a code for each.",
        "Correct what is named. What is not known is refused, too: a misspelt filter would answer another question.",
    ),
    "idempotency-key-reused": (
        "The same `Idempotency-Key` came before with another body.",
        "Use a new key for a new request, or send the first body again to get its answer.",
    ),
    "profile-invalid": (
        "The profile has faults; `errors` has line and path of each.",
        "Correct them; `lading profiles validate` finds the same ones offline.",
    ),
    "policy-invalid": (
        "The policy has faults; `errors` names each.",
        "Correct them; `lading policies validate` finds the same ones.",
    ),
    "precondition-required": (
        "The thing is there already, and the request does not say which version of it is to be changed.",
        "Read it, and send the change with its `ETag` in `If-Match`; `If-Match: *` changes whichever stands there.",
    ),
    "queue-full": (
        "The tenant has as many jobs waiting as it may have.",
        "Come back after `Retry-After` seconds, or have the limit raised.",
    ),
    "quota-exceeded": (
        "The tenant has used up a quota of calls or of exports; `violated-policies` names which.",
        "Come back after `Retry-After` seconds; the `RateLimit` header tells what is left.",
    ),
    "too-many-downloads": (
        "As many files as may be at once are on their way to the tenant (`LADING_TENANT_DOWNLOAD_LIMIT`).",
        "Let one arrive, or come back after `Retry-After` seconds.",
    ),
    "too-many-streams": (
        "The tenant follows as many event streams as it may at once.",
        "End one, or come back after `Retry-After` seconds.",
    ),
    "internal-error": (
        "Lading failed in a way that nobody foresaw. The trace is in its log under the request id.",
        "Try again; if it stays, give `request_id` to who operates this installation.",
    ),
    "overloaded": (
        "Too many jobs wait in the whole installation for less urgent ones, or too many files are on their way.",
        "Come back after `Retry-After` seconds.",
    ),
    "environment-unfit": (
        "Something that this server needs is not right, or it is shutting down.",
        "Come back after `Retry-After` seconds; `lading doctor` tells an operator what is wrong.",
    ),
    "identity-provider-unavailable": (
        "The identity provider that vouches for this token does not answer, so that it can't be judged.",
        "Come back after `Retry-After` seconds, or use an API key.",
    ),
    "database-unavailable": (
        "The database does not answer, or took too long.",
        "Come back after `Retry-After` seconds; with an `Idempotency-Key` the same request may be sent again.",
    ),
    "database-too-new": (
        "The database was brought forward by a newer Lading than this one.",
        "Start the newer one.",
    ),
    "storage-full": (
        "There is no room left for files.",
        "Make room; `lading doctor` says how much is needed.",
    ),
    "signer-unavailable": (
        "Whoever keeps the signing keys of this installation gave no good signature.",
        "Look at the signer (LADING_SIGNER_COMMAND or LADING_SIGNER_URL); what was to be signed is tried again.",
    ),
    "storage-failed": (
        "A file could not be written or read.",
        "`lading doctor` and the log say why; try again when it is mended.",
    ),
}


def url_of(code: str) -> str:
    """
    Return the `type` of a problem: a reference to its page, relative to the server that answered.

    >>> url_of("not-found")
    '/problems/not-found'
    """
    return f"{PATH}/{code}"


def page(code: str) -> str | None:
    """Return the HTML page of a code, None when there is none."""
    if code not in PAGES:
        return None
    means, mend = PAGES[code]
    body = f"<h1>{code}</h1><p>Status {STATUS[code]}</p><p>{_prose(means)}</p><h2>What to do</h2><p>{_prose(mend)}</p>"
    return _document(code, f'{body}<p><a href="{PATH}">All problems</a></p>')


def index() -> str:
    """Return the HTML page of all codes."""
    rows = "".join(
        f'<tr><td>{STATUS[code]}</td><td><a href="{url_of(code)}">{code}</a></td><td>{_prose(means)}</td></tr>'
        for code, (means, _) in PAGES.items()
    )
    return _document("Problems", f"<h1>Problems</h1><table>{rows}</table>")


def _document(title: str, body: str) -> str:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title} – Lading</title>'
        f'<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark"></head>'
        f"<body>{body}</body></html>\n"
    )


def _prose(text: str) -> str:
    pieces = escape(text).split("`")
    return "".join(f"<code>{piece}</code>" if index % 2 else piece for index, piece in enumerate(pieces))
