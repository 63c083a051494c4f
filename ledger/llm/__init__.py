"""Language models: what is asked, who answers, and the tool by which the engine asks."""

from ledger.llm.engine import LLM_TOOL
from ledger.llm.openai_http import OpenAIHTTP
from ledger.llm.providers import configure, provider_for, register_model
from ledger.llm.scripted import Scripted
from ledger.llm.values import (
    BadOutput,
    LLMReply,
    LLMRequest,
    ModelError,
    ModelRefused,
    ModelUnavailable,
    Provider,
    UnknownModel,
)

__all__ = [
    "LLM_TOOL",
    "BadOutput",
    "LLMReply",
    "LLMRequest",
    "ModelError",
    "ModelRefused",
    "ModelUnavailable",
    "OpenAIHTTP",
    "Provider",
    "Scripted",
    "UnknownModel",
    "configure",
    "provider_for",
    "register_model",
]
