"""The audit door's two pages, rendered here: no script, no external asset, every value escaped.

The one inline style sheet is named by its hash in the Content-Security-Policy, so nothing else can style or run.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

from govkernel.audit.reader import AuditRow, InclusionProof
from govkernel.domain import AcceptedStatement, Decision, Judged, Reason
from govkernel.errors import AuditError

MAX_SHOWN: Final = 80
"""Characters of a statement's value that the page shows; the record below it holds all."""

_STYLE: Final = """
:root { color-scheme: light dark; --line: #8884; --soft: #8882; --deny: #b3261e; --allow: #1b6e3c; }
@media (prefers-color-scheme: dark) { :root { --deny: #ff8a80; --allow: #7bd89b; } }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 82rem; margin: 0 auto; padding: 1rem 1.25rem 3rem; }
a { color: inherit; } h1 { font-size: 1.4rem; margin: .5rem 0 1rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
h3 { font-size: 1rem; margin: 1.2rem 0 .2rem; } h3 + p { margin: 0 0 .4rem; overflow-wrap: anywhere; }
li { overflow-wrap: anywhere; }
form { display: flex; gap: .5rem; flex-wrap: wrap; align-items: center; }
input { flex: 1 1 20rem; font: inherit; padding: .45rem .6rem; border: 1px solid #888; border-radius: .3rem; }
button { font: inherit; padding: .45rem 1rem; border: 1px solid #888; border-radius: .3rem; cursor: pointer; }
.hint, .what { opacity: .8; font-size: .9rem; } code, pre { font-family: ui-monospace, monospace; font-size: .85rem; }
table { border-collapse: collapse; width: 100%; margin-top: 1rem; }
th, td { text-align: left; vertical-align: top; padding: .45rem .6rem; border-bottom: 1px solid var(--line); }
td.wrap { overflow-wrap: anywhere; min-width: 9rem; } .scroll { overflow-x: auto; }
td.time { white-space: nowrap; font-variant-numeric: tabular-nums; }
caption { text-align: left; padding: .3rem 0; } tbody tr:hover { background: var(--soft); }
.deny { color: var(--deny); font-weight: 600; } .allow { color: var(--allow); font-weight: 600; }
.alert { border-left: .3rem solid var(--deny); padding: .5rem .8rem; background: var(--soft); margin: 1rem 0; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .3rem 1.2rem; } dt { opacity: .8; }
dd { margin: 0; overflow-wrap: anywhere; } pre { overflow-x: auto; background: var(--soft); padding: .8rem; }
ul { margin: 0; padding-left: 1.1rem; }
"""

_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

HEADERS: Final = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
"""Headers of every answer, pages and JSON."""


def results_page(query: str, rows: Sequence[AuditRow], total: int, error: AuditError | None = None) -> str:
    """The search box with the records found, or with what is wrong with the query."""
    body = _search(query) + (_alert(error) if error else _table(rows, total))
    return _page("Audit log", f"<h1>Audit log</h1>{body}")


def record_page(row: AuditRow, proof: InclusionProof | None, error: AuditError | None = None) -> str:
    """One record, with the proof that it is in the log, or with why there is none."""
    title = f"Record {row.index}"
    parts = [f'<p><a href="/">All records</a></p><h1>{title}</h1>', _damage(row), _facts(row)]
    try:
        parts += [_decision(row.record.decision), _evidence(row.record.subjects)]
        payload = json.dumps(json.loads(row.payload), indent=2, ensure_ascii=False)
    except AuditError:
        payload = row.payload
    parts += [_proof(proof) if proof else "", _alert(error) if error else ""]
    parts.append(f'<h2>Record</h2><pre tabindex="0">{escape(payload)}</pre>')
    return _page(title, "".join(parts))


def error_page(error: AuditError) -> str:
    """An error in sentences."""
    return _page("Not possible", f'<p><a href="/">All records</a></p><h1>Not possible</h1>{_alert(error)}')


def _page(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)} – govkernel</title><style>{_STYLE}</style></head>"
        f"<body><main>{body}</main></body></html>"
    )


def _search(query: str) -> str:
    return (
        '<form method="get" action="/" role="search"><label for="q">Search</label>'
        f'<input id="q" name="q" type="search" value="{escape(query)}" maxlength="4096" spellcheck="false" '
        'aria-describedby="hint"><button type="submit">Search</button></form>'
        '<p class="hint" id="hint">For example <code>decision:deny since:1d</code>, '
        "<code>door:ci,admission -policy:baseline/*</code>, <code>artifact:sha256:…</code>, "
        '<code>name:"mlflow://models/fraud/*"</code>, <code>fault:any</code>.</p>'
    )


def _table(rows: Sequence[AuditRow], total: int) -> str:
    if not rows:
        return '<p role="status">No record matches.</p>'
    columns = ("Record", "Effect", "Time (UTC)", "Door", "Principal", "Action", "Resource", "Reasons")
    head = "".join(f'<th scope="col">{name}</th>' for name in columns)
    body = "".join(_row(row) for row in rows)
    shown = f"{len(rows)} of {total} matching record(s), newest first"
    table = f"<table><caption>{shown}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="scroll" role="region" aria-label="Records" tabindex="0">{table}</div>'


def _row(row: AuditRow) -> str:
    mark = "" if row.intact else ' <span class="deny">damaged</span>'
    cells = f'<td>{escape(row.door)}</td><td class="wrap">{escape(row.principal)}</td>'
    cells += f'<td>{escape(row.action)}</td><td class="wrap">{escape(row.resource)}</td>'
    return (
        f'<tr><td><a href="/records/{row.index}" aria-label="Record {row.index}">{row.index}</a>{mark}</td>'
        f'<td>{_effect(row.effect)}</td><td class="time">{row.decided_at:%Y-%m-%d %H:%M:%S}</td>{cells}'
        f'<td class="wrap">{_reasons_in_short(row)}</td></tr>'
    )


def _reasons_in_short(row: AuditRow) -> str:
    try:
        decision = row.record.decision
    except AuditError:
        return ""
    reasons = [(reason.policy, reason.message) for reason in decision.reasons]
    reasons += [(fault.code, fault.what) for fault in decision.faults]
    return _list(f"<code>{escape(name)}</code> {escape(text)}" for name, text in reasons[:3])


def _facts(row: AuditRow) -> str:
    facts = {
        "Decision": row.decision_id,
        "Time": f"{row.decided_at:%Y-%m-%d %H:%M:%S.%f} UTC",
        "Door": row.door,
        "Principal": row.principal,
        "Action": row.action,
        "Resource": row.resource,
        "Environment": row.environment,
        "Policy set": row.policy_set,
        "Leaf hash": row.leaf_hash.hex(),
    }
    items = "".join(f"<dt>{name}</dt><dd>{escape(text)}</dd>" for name, text in facts.items() if text)
    return f"<dl><dt>Effect</dt><dd>{_effect(row.effect)}</dd>{items}</dl>"


def _decision(decision: Decision) -> str:
    sections = {
        "Reasons": [_reason(item) for item in decision.reasons],
        "Faults": [
            f"<code>{escape(i.code)}</code> {escape(i.what)} {escape(i.why)}" for i in decision.faults
        ],
        "Obligations": [escape(f"{i.type} {', '.join(i.arguments)}".strip()) for i in decision.obligations],
        "Warnings": [_reason(item) for item in decision.warnings],
        "Notes": [_reason(item) for item in decision.notes],
    }
    return "".join(f"<h2>{name}</h2>{_list(items)}" for name, items in sections.items() if items)


def _reason(reason: Reason) -> str:
    remedy = f'<br><span class="what">{escape(reason.remedy)}</span>' if reason.remedy else ""
    return f"<code>{escape(reason.policy)}</code> {escape(reason.message)}{remedy}"


def _evidence(subjects: Sequence[Judged]) -> str:
    """What was known about each artifact: who stated what, and what was refused."""
    parts = []
    for subject in subjects:
        artifact = subject.artifact
        identity = str(artifact.digest) if artifact.digest else "no digest: the name leads to nothing"
        known = [_accepted(item) for item in subject.evidence.accepted]
        known += [
            f'<span class="deny">refused</span> <code>{escape(item.code)}</code> {escape(item.why)}'
            for item in subject.evidence.rejected
        ]
        parts.append(
            f"<h3>{escape(artifact.kind.value)} {escape(artifact.name)}</h3><p><code>{escape(identity)}</code></p>"
            f"{_list(known) or '<p>Nothing was stated about it.</p>'}"
        )
    return f"<h2>Evidence</h2>{''.join(parts)}" if parts else ""


def _accepted(item: AcceptedStatement) -> str:
    """One statement with its signers and the short texts it holds, e.g. a score, an approver."""
    signers = ", ".join(signer.name or signer.identity or signer.key_id for signer in item.signers)
    said = ", ".join(
        f"{key}: {value}"
        for key, value in item.statement.predicate.items()
        if isinstance(value, str | int | float) and len(str(value)) <= MAX_SHOWN
    )
    return (
        f"<code>{escape(item.statement.predicate_type)}</code> stated by <strong>{escape(signers)}</strong>"
        f'{f"<br>{escape(said)}" if said else ""}<br><span class="what">{escape(str(item.statement.digest))}</span>'
    )


def _proof(proof: InclusionProof) -> str:
    hashes = "\n".join(item.hex() for item in proof.hashes) or "(none: it is the only record)"
    return (
        "<h2>Proof of inclusion</h2>"
        f"<p>With these {len(proof.hashes)} hashes the leaf hash above leads to the root of the checkpoint.</p>"
        f'<pre tabindex="0">{hashes}</pre><pre tabindex="0">{escape(proof.checkpoint)}</pre>'
    )


def _damage(row: AuditRow) -> str:
    if row.intact:
        return ""
    what = "This record is not the one whose hash was logged. Run <code>govkernel audit verify</code>."
    return f'<p class="alert" role="alert">{what}</p>'


def _alert(error: AuditError) -> str:
    return (
        f'<div class="alert" role="alert"><strong>{escape(error.what)}</strong> <code>{escape(error.code)}</code>'
        f"<br>{escape(error.why)}<br>{escape(error.remedy)}</div>"
    )


def _effect(effect: str) -> str:
    known = effect if effect in {"allow", "deny"} else "deny"
    return f'<span class="{known}">{escape(effect)}</span>'


def _list(items: Iterable[str]) -> str:
    listed = "".join(f"<li>{item}</li>" for item in items)
    return f"<ul>{listed}</ul>" if listed else ""
