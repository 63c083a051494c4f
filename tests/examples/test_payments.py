"""The payment service as a process: what it counts, how it misbehaves, what it remembers."""

from __future__ import annotations

import http.client
import signal
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.examples.payment_process import PaymentProcess, answer_of, send

BODY = {"order_id": "A-1002", "cents": 4_200}


def test_the_shipped_orders_cost_what_the_story_says(payments: PaymentProcess) -> None:
    assert payments.ask("GET", "/healthz") == (200, {"status": "ok"})
    assert payments.ask("GET", "/orders/A-1001")[1] == {"id": "A-1001", "cents": 12_000, "currency": "EUR"}
    assert payments.ask("GET", "/orders/A-1002")[1]["cents"] == 4_200
    status, problem = payments.ask("GET", "/orders/A-9")
    assert (status, problem["code"]) == (404, "no_such_order")
    assert payments.ask("PUT", "/orders/A-9", {"cents": 7})[0] == 200
    assert payments.ask("GET", "/orders/A-9")[1]["cents"] == 7


def test_two_calls_under_one_key_are_two_refunds(payments: PaymentProcess) -> None:
    first, second = payments.refund("k"), payments.refund("k")
    payments.refund("other", cents=100)
    assert (first[0], second[0]) == (201, 201)
    assert first[1]["id"] != second[1]["id"]
    assert payments.stats() == {
        "calls": 3,
        "calls_per_key": {"k": 2, "other": 1},
        "refunds": 3,
        "refunds_per_key": {"k": 2, "other": 1},
        "reversals_per_key": {},
        "total": 8_500,
        "hanging": 0,
    }
    known = payments.ask("GET", "/refunds?key=k")[1]
    assert known == {
        "key": "k",
        "calls": 2,
        "in_flight": 0,
        "refunds": [first[1], second[1]],
        "reversals": [],
    }


def test_a_refund_is_taken_back_as_often_as_it_is_asked_unless_the_key_is_to_be_honoured(
    payments: PaymentProcess,
) -> None:
    refund = payments.refund("k")[1]["id"]
    wish = {"refund": refund}
    first, second = (payments.ask("POST", "/reversals", wish, key="back") for _ in range(2))
    assert (first[0], second[0]) == (201, 201)
    assert first[1]["id"] != second[1]["id"]
    kept = [payments.ask("POST", "/reversals", {**wish, "honour_key": True}, key="once")[1] for _ in range(2)]
    assert kept[0] == kept[1]
    assert payments.stats()["reversals_per_key"] == {"back": 2, "once": 1}
    assert payments.stats()["calls_per_key"] == {"k": 1, "back": 2, "once": 2}
    assert payments.ask("GET", "/refunds?key=once")[1]["reversals"] == [kept[0]]
    assert payments.ask("POST", "/reversals", {"refund": "R-99"}, key="x")[1]["code"] == "no_such_refund"


def test_a_service_that_dedupes_pays_once_and_refuses_another_amount(deduping: PaymentProcess) -> None:
    assert deduping.refund("k") == deduping.refund("k")
    status, problem = deduping.refund("k", cents=1)
    assert (status, problem["code"]) == (409, "key_reused")
    assert deduping.stats()["calls_per_key"] == {"k": 3}
    assert deduping.stats()["refunds"] == 1


@pytest.mark.parametrize(("when", "refunds"), [("before", 0), ("after", 1)])
def test_a_failing_call_answers_500_before_or_after_it_paid(
    payments: PaymentProcess, when: str, refunds: int
) -> None:
    payments.mode("fail", when=when, times=1)
    status, problem = payments.refund("k")
    assert (status, problem["code"]) == (500, "told_to_fail")
    assert (payments.stats()["calls"], payments.stats()["refunds"]) == (1, refunds)
    assert payments.refund("k")[0] == 201


@pytest.mark.parametrize(("when", "refunds"), [("before", 0), ("after", 1)])
def test_a_dropped_call_gets_no_answer_and_is_still_counted(
    payments: PaymentProcess, when: str, refunds: int
) -> None:
    payments.mode("drop", when=when)
    with pytest.raises(http.client.RemoteDisconnected):
        payments.refund("k")
    assert (payments.stats()["calls"], payments.stats()["refunds"]) == (1, refunds)


@pytest.mark.parametrize(("when", "refunds"), [("before", 0), ("after", 1)])
def test_an_answer_that_breaks_off_is_no_answer_and_the_call_is_counted(
    payments: PaymentProcess, when: str, refunds: int
) -> None:
    payments.mode("tear", when=when, times=1)
    with pytest.raises(http.client.IncompleteRead):
        payments.refund("k")
    assert (payments.stats()["calls"], payments.stats()["refunds"]) == (1, refunds)
    assert payments.refund("k")[0] == 201


def test_every_call_of_a_key_is_kept_with_its_time_and_what_befell_it(payments: PaymentProcess) -> None:
    for mode in ("fail", "tear", "normal"):
        payments.mode(mode)
        with suppress(http.client.IncompleteRead):
            payments.refund("k")
    told = payments.ask("GET", "/calls?key=k")[1]
    payments.kill()
    payments.start()
    assert payments.ask("GET", "/calls?key=k")[1] == told
    assert [call["fault"] for call in told["calls"]] == ["fail", "tear", "normal"]
    assert [call["at"] for call in told["calls"]] == sorted(call["at"] for call in told["calls"])
    assert payments.ask("GET", "/calls?key=other")[1]["calls"] == []


def test_a_hanging_call_has_paid_and_answers_when_released(payments: PaymentProcess) -> None:
    payments.mode("hang")
    caller = payments.connect()
    send(caller, "POST", "/refunds", BODY, key="k")
    payments.until_hanging(1)
    known = payments.ask("GET", "/refunds?key=k")[1]
    assert (len(known["refunds"]), known["in_flight"]) == (1, 0)
    assert payments.ask("POST", "/release") == (200, {"released": 1})
    assert answer_of(caller) == (201, known["refunds"][0])
    caller.close()


def test_a_call_that_hangs_before_it_paid_is_shown_as_in_flight(payments: PaymentProcess) -> None:
    payments.mode("hang", when="before", times=1)
    caller = payments.connect()
    send(caller, "POST", "/refunds", BODY, key="k")
    payments.until_hanging(1)
    assert payments.ask("GET", "/refunds?key=k")[1] == {
        "key": "k",
        "calls": 1,
        "in_flight": 1,
        "refunds": [],
        "reversals": [],
    }
    payments.ask("POST", "/release")
    assert answer_of(caller)[0] == 201
    known = payments.ask("GET", "/refunds?key=k")[1]
    assert (len(known["refunds"]), known["in_flight"]) == (1, 0)
    caller.close()


def test_a_caller_that_dies_while_its_call_hangs_leaves_one_refund(payments: PaymentProcess) -> None:
    payments.mode("hang")
    caller = payments.connect()
    send(caller, "POST", "/refunds", BODY, key="k")
    payments.until_hanging(1)
    caller.close()
    payments.ask("POST", "/release")
    assert payments.stats()["refunds_per_key"] == {"k": 1}


def test_a_slow_call_is_held_and_can_be_let_go(payments: PaymentProcess) -> None:
    payments.mode("slow", seconds=3600)
    caller = payments.connect()
    send(caller, "POST", "/refunds", BODY, key="k")
    payments.until_hanging(1)
    payments.ask("POST", "/release")
    assert answer_of(caller)[0] == 201
    caller.close()


def test_a_fault_strikes_only_its_door_and_only_its_times(payments: PaymentProcess) -> None:
    payments.mode("fail", on="probe", times=2)
    assert payments.refund("k")[0] == 201
    assert [payments.ask("GET", "/refunds?key=k")[0] for _ in range(3)] == [500, 500, 200]
    payments.mode("fail", on="order")
    assert payments.ask("GET", "/orders/A-1001")[0] == 500
    modes = payments.ask("GET", "/mode")[1]["modes"]
    assert {door: fault["mode"] for door, fault in modes.items()} == {
        "refund": "normal",
        "reverse": "normal",
        "probe": "normal",
        "order": "fail",
    }


def test_counts_survive_kill_9_in_the_middle_of_a_call(payments: PaymentProcess) -> None:
    payments.refund("done")
    payments.ask("PUT", "/orders/A-9", {"cents": 7})
    payments.mode("hang", when="before")
    caller = payments.connect()
    send(caller, "POST", "/refunds", BODY, key="lost")
    payments.until_hanging(1)
    payments.kill()
    caller.close()
    payments.start()
    stats = payments.stats()
    assert stats["calls_per_key"] == {"done": 1, "lost": 1}
    assert stats["refunds_per_key"] == {"done": 1}
    assert payments.ask("GET", "/refunds?key=lost")[1]["in_flight"] == 0
    assert payments.ask("GET", "/orders/A-9")[1]["cents"] == 7
    assert payments.refund("next")[1]["id"] == "R-2"


def test_a_line_torn_by_a_kill_is_forgotten_and_a_damaged_one_is_named(payments: PaymentProcess) -> None:
    payments.refund("k")
    payments.kill()
    whole = payments.book.read_bytes()
    payments.book.write_bytes(whole + b'{"kind": "ref')
    payments.start()
    assert payments.stats()["refunds"] == 1
    payments.kill()
    assert payments.book.read_bytes() == whole
    payments.book.write_bytes(b"nonsense\n" + whole)
    assert f"{payments.book}, line 1 cannot be read" in payments.why_not()


def test_two_services_cannot_write_one_book(payments: PaymentProcess) -> None:
    assert f"{payments.book} is in use by another payment service" in payments.why_not()
    assert payments.refund("k")[0] == 201


def test_a_busy_port_is_named(payments: PaymentProcess, tmp_path: Path) -> None:
    port = payments.url.rpartition(":")[2]
    assert f"cannot start on port {port}" in PaymentProcess(tmp_path / "other.jsonl").why_not(port=port)


def test_it_listens_on_the_loopback_only_and_leaves_when_told(payments: PaymentProcess) -> None:
    assert payments.process is not None
    listening = [
        connection.laddr.ip
        for connection in psutil.Process(payments.process.pid).net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert listening == ["127.0.0.1"]
    payments.process.send_signal(signal.SIGTERM)
    assert payments.process.wait(30) == 0


@pytest.mark.parametrize(
    ("method", "path", "body", "key", "status"),
    [
        ("POST", "/refunds", BODY, None, 400),
        ("POST", "/refunds", BODY, "", 400),
        ("POST", "/refunds", "{", "k", 400),
        ("POST", "/refunds", "[1]", "k", 400),
        ("POST", "/refunds", None, "k", 400),
        ("POST", "/refunds", "[" * 60_000, "k", 400),
        ("POST", "/refunds", "1" * 60_000, "k", 400),
        ("POST", "/refunds", {"order_id": "A-1002"}, "k", 400),
        ("POST", "/refunds", {"order_id": 5, "cents": 1}, "k", 400),
        ("POST", "/refunds", {"order_id": "A-1002", "cents": "5"}, "k", 400),
        ("POST", "/refunds", {"order_id": "A-1002", "cents": True}, "k", 400),
        ("POST", "/refunds", '{"order_id": "A-1002", "cents": NaN}', "k", 400),
        ("POST", "/refunds", {"order_id": "A-1002", "cents": 0}, "k", 400),
        ("POST", "/refunds", {"order_id": "A-1002", "cents": 4_201}, "k", 422),
        ("POST", "/refunds", {"order_id": "none", "cents": 1}, "k", 404),
        ("POST", "/refunds", "x" * 70_000, "k", 413),
        ("GET", "/refunds", None, None, 400),
        ("POST", "/mode", {"mode": "odd"}, None, 400),
        ("POST", "/mode", {"mode": ["fail"]}, None, 400),
        ("POST", "/mode", {"mode": "fail", "when": "now"}, None, 400),
        ("POST", "/mode", {"mode": "fail", "times": 0}, None, 400),
        ("POST", "/mode", {"mode": "slow", "seconds": -1}, None, 400),
        ("POST", "/mode", {"mode": "fail", "tims": 1}, None, 400),
        ("POST", "/mode", {"mode": "fail", "on": "nowhere"}, None, 400),
        ("DELETE", "/refunds", None, None, 404),
        ("BREW", "/refunds", None, None, 501),
        ("GET", "/nothing", None, None, 404),
    ],
)
def test_malformed_input_is_refused_in_words_and_counts_nothing(
    payments: PaymentProcess, method: str, path: str, body: Any, key: str | None, status: int
) -> None:
    answered, problem = payments.ask(method, path, body, key=key)
    assert (answered, problem["status"]) == (status, status)
    assert problem["detail"]
    assert "Traceback" not in str(problem)
    assert payments.stats()["calls"] == 0


@pytest.mark.parametrize("raw", [b"rubbish\r\n\r\n", b"POST /mode HTTP/1.1\r\nContent-Length: x\r\n\r\n"])
def test_what_is_not_http_gets_a_json_400(payments: PaymentProcess, raw: bytes) -> None:
    host, _, port = payments.url.removeprefix("http://").rpartition(":")
    with socket.create_connection((host, int(port)), timeout=30) as line:
        line.sendall(raw)
        line.shutdown(socket.SHUT_WR)
        heard = b"".join(iter(lambda: line.recv(65_536), b""))
    assert b'"status": 400' in heard
    assert b"Traceback" not in heard
