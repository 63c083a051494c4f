"""LangGraph with its Postgres checkpointer, `durability="sync"`: a graph of nodes one after the other, in this process."""

import uuid
from typing import TypedDict

from asked import AT_ONCE, STEPS, URL, measure
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.graph import END, START, StateGraph
from psycopg_pool import ConnectionPool


class State(TypedDict):
    n: int


def graph(steps, saver):
    made, before = StateGraph(State), START
    for i in range(steps):
        made.add_node(f"n{i}", lambda state: {"n": state["n"] + 1})
        made.add_edge(before, f"n{i}")
        before = f"n{i}"
    made.add_edge(before, END)
    return made.compile(checkpointer=saver)


keys = {"autocommit": True, "prepare_threshold": 0}
with ConnectionPool(URL, min_size=4, max_size=max(4, AT_ONCE), kwargs=keys) as pool:
    saver = PostgresSaver(pool)
    saver.setup()
    graphs = {steps: graph(steps, saver) for steps in {10, STEPS}}

    def run(steps):
        config = {"configurable": {"thread_id": str(uuid.uuid4())}, "recursion_limit": steps + 100}
        graphs[steps].invoke({"n": 0}, config, durability="sync")

    measure(run)
