"""The rows: a job, its events, its agenda; approvals, deliveries, workers. All but events are derived.

Tables are primarily reached by `job_id`; hot tables hold no foreign keys to each other, so that they can
be partitioned or distributed by job. Only `jobs.store` writes them (`jobs.worker` its own row).
"""

from .agenda import Addressee, Approval, Delivery, Rate, Step
from .crew import Definition, Tick, Token, Worker
from .keeping import Hold, HoldRelease, Tombstone
from .mailbox import AgentInstance
from .notices import Notice, Webhook
from .stream import Blob, Event, Job

__all__ = [
    "Addressee", "AgentInstance", "Approval", "Blob", "Definition", "Delivery", "Event", "Hold", "HoldRelease", "Job", "Notice", "Rate", "Step", "Tick",
    "Token", "Tombstone", "Webhook", "Worker",
]  # fmt: skip
