"""LangGraph with its Postgres checkpointer: a graph of one node; `start`, then `resume`."""

import os
import sys
from typing import TypedDict

from effect import charge
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.graph import END, START, StateGraph


class State(TypedDict):
    """What the graph carries."""

    said: str


with PostgresSaver.from_conn_string(os.environ["URL"]) as saver:
    saver.setup()
    graph = StateGraph(State)
    graph.add_node("pay", lambda state: {"said": charge()})
    graph.add_edge(START, "pay")
    graph.add_edge("pay", END)
    first = {"said": ""} if sys.argv[1] == "start" else None
    thread = {"configurable": {"thread_id": "t1"}}
    print(graph.compile(checkpointer=saver).invoke(first, thread, durability="sync"))
