"""What one has to know to read the figures of changes under load."""

from __future__ import annotations

from benchmarks.cases import CASES
from benchmarks.mix import Mix
from benchmarks.section import paragraph
from optimus_ops.reports.model import Paragraph


def explained(mix: Mix, clients: int) -> tuple[Paragraph, ...]:
    """Return columns, load, failures, and how each change is made."""
    commands = ", ".join(f"`invoke {' '.join(case.words).format(image='IMAGE')}`" for case in CASES)
    seconds = f"{mix.slow_milliseconds / 1000:.0f} s"
    return (
        paragraph(
            "Columns: `seconds` that the command took; `settled`: seconds from its beginning until every replica that "
            "was to be there had answered a client, and none that was to go answered any more; `gap`: the longest "
            "time without any good answer; `before`, `during`, `after`: p50 / p99 of the quick POSTs, where `during` "
            "reaches from the beginning of the command until both it and the settling were over."
        ),
        paragraph(
            f"Load: {clients} clients in a closed loop on connections kept open, through the balancer's published "
            f"port. {mix.lists:.0%} of the requests GET the list of models, the others POST a prompt; {mix.slow:.0%} "
            f"of the POSTs take {seconds}, and {mix.slow_streams:.0%} of these stream their tokens over that time; "
            f"{mix.quick_streams:.0%} of the quick POSTs stream, too. (With {clients} clients, POSTs alone can't come "
            f"faster than 166 per second, because of those {seconds}.) The clients' choices are the same in each run. "
            f"They begin one after the other over {seconds}, so that long requests end evenly. After an error a client "
            "waits 0.2 s."
        ),
        paragraph(
            "Failed is: a status other than 200; a connection that ends after the request was sent and before the "
            "answer is whole; no answer within 60 s; an answer to another question. A stream that ends without "
            "`data: [DONE]` is counted as cut instead. A connection that the server closes between requests is opened "
            "again and is no failure. Nothing is asked twice. Each run ends when the change is over, the number of "
            "requests is reached, and every request that was on its way has its answer."
        ),
        paragraph(
            f"Ours: {commands}. Plain: `docker compose -f … -f … up -d --scale ai-engine=N ai-engine`, with the image "
            "or the variable (LOG_LEVEL) changed in its environment. Both run on the same files, images and services; "
            "the replicas drain upon SIGTERM by themselves, so plain Compose profits from that. Each run has a fresh "
            "stack of its own, and the one that goes first changes from case to case. After each, the replicas' "
            "number, image and environment are checked."
        ),
    )
