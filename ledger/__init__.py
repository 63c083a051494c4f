"""The ledger: what may touch the outside world, and the book of it."""

from ledger.outcomes import Absent, Landed, NotLanded, ToolCall, Unknown
from ledger.references import Secret, secret
from ledger.retry import NO_RETRY, Retry
from ledger.schema import BadArguments, BadSignature
from ledger.tools import (
    DuplicateTool,
    Tool,
    UnknownTool,
    all_tools,
    get_tool,
    register,
    tool,
)

__all__ = [
    "NO_RETRY",
    "Absent",
    "BadArguments",
    "BadSignature",
    "DuplicateTool",
    "Landed",
    "NotLanded",
    "Retry",
    "Secret",
    "Tool",
    "ToolCall",
    "Unknown",
    "UnknownTool",
    "all_tools",
    "get_tool",
    "register",
    "secret",
    "tool",
]
