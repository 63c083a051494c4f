"""Celery's settings: every name exists, a project's own win, and each broker gets its options."""

from __future__ import annotations

from pathlib import Path

import pytest
from celery import Celery
from celery.app.defaults import SETTING_KEYS
from kombu import Connection

from jobs import celery_defaults
from jobs.brokers import files, hardened_redis, local
from jobs.celery_defaults import DEFAULTS, configure, queue_name, register_transports, transport_options
from tests.brokers.workers import Site, until


def app_of(broker: str | None, **settings: object) -> Celery:
    app = Celery("project", broker=broker, set_as_current=False)
    configure(app)
    app.config_from_object(settings)
    return app


def test_every_default_is_a_setting_that_celery_knows() -> None:
    assert DEFAULTS.keys() <= SETTING_KEYS


def test_every_knock_is_acknowledged_only_after_it_was_looked_at() -> None:
    from jobs import tasks  # needs Django, which is set up after this file is read

    knocks = (tasks.step, tasks.deliver, tasks.tick)
    assert [(knock.acks_late, knock.reject_on_worker_lost) for knock in knocks] == [(True, False)] * 3
    assert not DEFAULTS["task_reject_on_worker_lost"], "a step that kills its process would do so for ever"


def test_an_app_has_the_defaults_and_its_own_settings_win() -> None:
    app = app_of("redis://host/0", worker_concurrency=3, task_ignore_result=False)
    own = {"worker_concurrency": 3, "task_ignore_result": False}
    for name, value in {**DEFAULTS, **own}.items():
        assert app.conf[name] == value, name


def test_settings_that_are_read_again_keep_the_defaults_and_win_again() -> None:
    app = app_of("redis://host/0", worker_concurrency=3)
    assert (app.conf.worker_concurrency, app.conf.worker_pool) == (3, "threads")
    app.config_from_object({"worker_concurrency": 4})
    assert (app.conf.worker_concurrency, app.conf.worker_pool) == (4, "threads")


@pytest.mark.parametrize("asked", ["-P prefork", "-Pprefork", "--pool=prefork", "--pool prefork"])
def test_the_command_line_may_ask_for_prefork_which_celery_takes_for_its_default(
    asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["celery", "-A", "site", "worker", *asked.split(), "-c", "4"])
    assert app_of("redis://host/0").conf.worker_pool == "prefork"
    monkeypatch.setattr("sys.argv", ["celery", "-A", "site", "worker", "-P", "solo", "-n", "prefork"])
    assert app_of("redis://host/0").conf.worker_pool == "threads"


def test_an_app_that_was_in_use_before_gets_the_defaults_too() -> None:
    app = Celery("project", set_as_current=False)
    app.config_from_object({"worker_concurrency": 3})
    assert app.conf.worker_pool == "prefork"
    configure(app)
    assert (app.conf.worker_concurrency, app.conf.worker_pool) == (3, "threads")


def test_the_settings_of_a_django_project_win_by_their_prefixed_names() -> None:
    app = Celery("project", set_as_current=False)
    configure(app)
    app.config_from_object(
        {"CELERY_WORKER_CONCURRENCY": 3, "CELERY_RESULT_BACKEND": "rpc://"}, namespace="CELERY"
    )
    assert (app.conf.worker_concurrency, app.conf.result_backend) == (3, "rpc://")
    assert app.conf.worker_pool == "threads"


def test_a_project_that_sets_options_of_its_transport_replaces_ours() -> None:
    assert app_of("redis://host/0").conf.broker_transport_options == transport_options("redis://host/0")
    mine = {"visibility_timeout": 60}
    assert app_of("redis://host/0", broker_transport_options=mine).conf.broker_transport_options == mine


def test_a_broker_named_in_the_settings_instead_of_the_call_is_seen_too() -> None:
    app = app_of(None, broker_url="redis://host/0")
    assert app.conf.broker_transport_options["global_keyprefix"] == "aetheris:"


@pytest.mark.parametrize(
    ("url", "option"),
    [
        ("redis://host/0", "visibility_timeout"),
        ("rediss://host/0", "visibility_timeout"),
        ("redis+socket:///run/s.sock", "visibility_timeout"),
        ("amqp://host//;amqp://other//", "confirm_publish"),
        ("pgmq://host/db", "use_notify"),
    ],
)
def test_each_broker_gets_its_options(url: str, option: str) -> None:
    assert option in transport_options(url)


@pytest.mark.parametrize("url", ["aetheris+files:///folder", "aetheris+local://", "memory://", "", None])
def test_brokers_without_options_get_none(url: str | None) -> None:
    assert transport_options(url) == {}


def test_the_options_of_one_app_are_not_those_of_the_next() -> None:
    transport_options("redis://host/0")["visibility_timeout"] = 1
    assert transport_options("redis://host/0")["visibility_timeout"] == 3600


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("redis://host/0", hardened_redis.Transport),
        ("rediss://host/0?ssl_cert_reqs=required", hardened_redis.Transport),
        ("redis+socket:///run/s.sock", hardened_redis.Transport),
        ("aetheris+files:///folder", files.Transport),
        ("aetheris+local://", local.Transport),
    ],
)
def test_an_address_leads_to_the_transport_that_survives(url: str, kind: type) -> None:
    register_transports()
    assert type(Connection(url).transport) is kind


def test_a_capability_has_a_queue_of_its_own() -> None:
    assert queue_name() == "aetheris"
    assert queue_name("gpu") == "aetheris.cap.gpu"


@pytest.mark.parametrize("capability", ["", "a b", "a/b", "*", "-x", "x" * 65])
def test_a_capability_that_no_queue_can_be_named_after_is_refused(capability: str) -> None:
    with pytest.raises(ValueError, match="is not a capability: use 1 to 64"):
        queue_name(capability)


def test_a_database_connection_outlives_the_task_that_opened_it(tmp_path: Path) -> None:
    site = Site(f"aetheris+files://{tmp_path}/broker", tmp_path, "tests.brokers.toy_django")
    with site.worker("first", "-P", "threads", "-c", "1") as worker:
        for number in range(5):
            site.send("connection", number)
        until(lambda: len(site.lines("connection")) == 5, worker)
    assert len(set(site.lines("connection"))) == 1


def test_workers_of_apps_without_django_need_no_handlers() -> None:
    celery_defaults.own_connections(sender=None)
