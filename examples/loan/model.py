"""The model of the loan example: a script that reads the prompt and assesses by the policy, so that it runs offline."""

from __future__ import annotations

import json
from typing import Any

from ledger.llm import LLMReply, LLMRequest, Scripted, register_model

MODEL = "loan-assessor-1"
ASSESSMENT = {
    "type": "object",
    "properties": {
        "recommend": {"enum": ["approve", "decline"]},
        "share": {"type": "number", "description": "of the income that all instalments take"},
        "reason": {"type": "string"},
    },
    "required": ["recommend", "share", "reason"],
    "additionalProperties": False,
}


def assess(request: LLMRequest) -> LLMReply:
    """Answer as a model would: recommend what the policy of affordability allows."""
    prompt: dict[str, Any] = {each["role"]: each["content"] for each in request.messages}
    asked = prompt["user"]
    share = round((asked["cents"] // asked["months"] + asked["instalments_cents"]) / asked["income_cents"], 3)
    fits = share <= 1 / 3
    said = {
        "recommend": "approve" if fits else "decline",
        "share": share,
        "reason": f"All instalments take {share:.1%} of the income; the policy allows a third.",
    }
    tokens = {"input_tokens": len(json.dumps(prompt)) // 4, "output_tokens": len(json.dumps(said)) // 4}
    return LLMReply(
        text=json.dumps(said), output=said, usage=tokens, model=f"{MODEL}-2026-01", provider="scripted"
    )


register_model(MODEL, Scripted(assess))
