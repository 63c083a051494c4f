"""Shapes of secrets: found by place and name, masked, and never repeated by what says so."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ledger import secrets
from ledger.canonical import canonical
from ledger.secrets import Hit, mask_text, masked, scan, shapes_in, suspicious

# Made of parts, so that no scanner of repositories takes this file for a leak.
RANDOM = "qR7x" + "Zp2LmT9vKc4WbN8sYd3F" + "hJ6uGe5a"
SAMPLES = {
    "aws_access_key": "AKIA" + "Q3EGRZ7K2MXV5TPB",
    "github_token": "ghp_" + RANDOM + "A1b2C3d4",
    "gitlab_token": "glpat-" + RANDOM[:20],
    "slack_token": "xoxb-" + "123456789012-" + RANDOM,
    "slack_webhook": "https://hooks.slack.com/services/" + "T0AB/B0CD/" + RANDOM,
    "stripe_key": "sk_" + "live_" + RANDOM,
    "model_api_key": "sk-ant-" + "api03-" + RANDOM,
    "google_api_key": "AIza" + (RANDOM + "abcdefgh")[:35],
    "google_oauth": "ya29." + RANDOM,
    "npm_token": "npm_" + (RANDOM + "abcdefgh")[:36],
    "sendgrid_key": "SG." + RANDOM[:22] + "." + RANDOM + RANDOM[:11],
    "huggingface_token": "hf_" + RANDOM + "Ab",
    "jwt": "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxMjM0In0." + RANDOM,
    "bearer_token": "bearer " + RANDOM,
    "basic_auth": "Authorization: Basic " + "dXNlcjpwYXNzd29yZA==",
    "url_password": "postgres://aetheris:" + "Hunter2x" + "@db/prod",
    "private_key": "-----BEGIN " + "PRIVATE KEY-----\nMC4CAQAwBQYDK2Vw\n-----END PRIVATE KEY-----",
    "assigned_secret": "DB_PASSWORD=" + RANDOM[:14],
}
HARMLESS = [
    "the password is required", "password: ********", "api_key=${API_KEY}", "set API_KEY to <your key>", "token: null",
    "secret: well-known facts", "https://example.org:8443/a@b", "http://user@example.org/", "Bearer of bad news", "sk-learn",
    "f3b1c2d4-0a1b-4c2d-8e3f-1234567890ab", "a" * 64, "password=[masked:named_secret]", "task-123456789012345678901234",
    "password=changeme", "client_secret: not-set", "see docs/secrets.md", "key=value",
]  # fmt: skip


@pytest.mark.parametrize("shape", SAMPLES)
def test_a_known_shape_is_found_in_the_middle_of_text_and_masked(shape: str) -> None:
    text = f"see ({SAMPLES[shape]}) and go on"
    assert shapes_in(text) == (shape,)
    clean = mask_text(text)
    assert f"[masked:{shape}]" in clean
    assert clean.startswith("see (")
    assert clean.endswith("and go on")
    assert shapes_in(clean) == ()
    hidden = SAMPLES[shape].split(" ")[-1].partition("=")[2] or SAMPLES[shape].split(" ")[-1]
    assert hidden not in clean


@pytest.mark.parametrize("text", HARMLESS)
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert shapes_in(text) == ()
    assert mask_text(text) == text


def test_a_value_under_a_telling_name_is_found_by_the_name() -> None:
    value = {
        "db": {"password": "hunter22x", "user": "ann"},
        "apiKey": ["zx81-" + "spectrum"],
        "tokens": 812,
        "page_token": "eXa9-next",
        "secret": {"$secret": "stripe_key_1"},
        "password_hint": "the usual one",
        "api_key": "see the manual",
        "a/b~c": {"client-secret": "abc12345"},
    }
    clean, hits = masked(value)
    assert hits == (
        Hit("/a~1b~0c/client-secret", "named_secret"), Hit("/apiKey/0", "named_secret"), Hit("/db/password", "named_secret"),
    )  # fmt: skip
    assert clean["db"] == {"password": "[masked:named_secret]", "user": "ann"}
    assert clean["secret"] == {"$secret": "stripe_key_1"}, "a reference is no secret"
    assert value["db"] == {"password": "hunter22x", "user": "ann"}, "the value itself is not changed"
    assert masked(clean) == (clean, ())


def test_a_secret_in_a_name_is_not_repeated_by_its_own_pointer() -> None:
    token = SAMPLES["github_token"]
    clean, hits = masked({"a": 1, token: {"x": [token]}})
    assert hits == (Hit("/#1", "github_token"), Hit("/#1/x/0", "github_token"))
    assert token not in repr(hits) + canonical(clean)


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=20), st.sampled_from(sorted(SAMPLES.values()))),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(st.text(max_size=8), st.sampled_from(["password", "api_key", *SAMPLES.values()])), inner, max_size=4),
    ),
    max_leaves=20,
)  # fmt: skip


@given(JSON)
@example({"password": "postgres://aetheris:Hunter2x@db/prod"})
@example({"DB_PASSWORD=qR7xZp2LmT9vKc": "postgres://aetheris:Hunter2x@db/prod"})
def test_what_is_masked_holds_no_secret_any_more_and_nothing_else_changes(value: Any) -> None:
    clean, hits = masked(value)
    assert scan(value) == hits
    assert scan(clean) == ()
    assert masked(clean) == (clean, ())
    if not hits:
        assert clean is value
    for sample in SAMPLES.values():
        assert sample not in repr(hits)


@given(
    st.lists(
        st.sampled_from([*SAMPLES.values(), " ", "x", "=", "password", ":", "//", "@", "-----BEGIN "]),
        max_size=8,
    ).map("".join)
)
def test_the_fast_look_never_misses_what_the_patterns_find(text: str) -> None:
    assert suspicious(text) or not list(secrets._spans(text))
    assert shapes_in(mask_text(text)) == ()


@given(st.from_regex(secrets._TRIGGER), st.text(max_size=20), st.text(max_size=20))
def test_the_plain_searches_before_the_pattern_miss_nothing_of_it(
    found: str, before: str, after: str
) -> None:
    assert suspicious(f"{before}{found}{after}")


@pytest.mark.parametrize(
    "piece",
    ["a", "-", "A", "=", "://", ":", "://a:", "sk-", "eyJa.", "eyJ", "password", "password=", "pass_", "-----BEGIN ", "bearer ",
     "-----BEGIN PRIVATE KEY-----", "secret: ", "a_", "xoxb-", "1"],
)  # fmt: skip
def test_time_grows_with_the_text_and_no_faster(piece: str) -> None:
    def seconds(length: int) -> float:
        text = ("key://" + piece * length)[:length]
        best = 1e9
        for _ in range(3):
            begun = time.process_time()
            mask_text(text)
            best = min(best, time.process_time() - begun)
        return best

    small, large = seconds(4_000), seconds(40_000)
    assert large < 40 * small + 0.05, f"{small:.4f} s for 4,000 characters, {large:.4f} s for 40,000"
