"""Tables and columns that no event speaks of, each with its reason: a change of them is not found by verification.

Every other column of the runtime's tables is bound, and the tests change each of them. A new table or column stands here,
or verification must find a change of it.
"""

from __future__ import annotations

# A whole table.
TABLES = {
    "aetheris_jobs_delivery": "a debt between two commits; when it is carried out the receiver decides on it like on any "
    "command, and writes events that name who sent it",
    "aetheris_jobs_rate": "when the next call of a tool may begin; a hint that no decision of a job reads",
    "aetheris_jobs_worker": "processes that live now; events name them by id",
    "aetheris_jobs_definition": "what workers offer now; each registers it anew when it starts",
    "aetheris_jobs_tick": "who sweeps now",
    "aetheris_jobs_addressee": "in whose inbox a question stands: derived from the row of its approval, which is bound; who may "
    "decide is judged on the events",
    "aetheris_jobs_notice": "whom to tell of an approval, until a job of its own does; what was sent is on that job's record",
    "aetheris_jobs_webhook": "where people want to be told; what was sent is on the records of the jobs that sent it",
    "aetheris_jobs_token": "how people get in: the events name who acted",
}

# A column of a table whose other columns are bound.
COLUMNS = {
    ("aetheris_jobs_job", "id"): "the name under which everything else is looked for: under another one the events are "
    "orphans, and the row has none",
    ("aetheris_jobs_event", "id"): "a row number: the order of events is their seq",
    ("aetheris_jobs_blob", "id"): "a row number: a part is named by its digest",
    ("aetheris_jobs_step", "id"): "a row number: a step is named by its job and node",
    ("aetheris_jobs_step", "knock_at"): "a hint that only the scheduler writes and no decision reads",
    ("aetheris_jobs_agent", "name"): "what people call the instance; no job of it speaks of that",
    ("aetheris_jobs_agent", "created_at"): "as above: an instance is created without a job",
    ("aetheris_jobs_agent", "created_by"): "as above",
    ("aetheris_jobs_agent", "paused_at"): "paused by people, beside its jobs",
    ("aetheris_jobs_agent", "paused_by"): "as above",
    ("aetheris_jobs_agent", "deleted_at"): "deleted by people, beside its jobs",
    ("aetheris_jobs_agent", "deleted_by"): "as above",
}  # fmt: skip
