"""What the interpreter reports by itself (PEP 578) when code goes outside, by what it means."""

from __future__ import annotations

FILES, NETWORK, PROCESSES, THREADS = "a file", "the network", "a process", "a thread"
DATABASE, CLOCK, DICE, ENVIRONMENT = "the database", "the clock", "randomness", "the environment"
TOOL = "a direct call"

INSTEAD = {
    FILES: "read and write it in a tool: ctx.tool(…)",
    NETWORK: "ask in a tool: ctx.tool(…)",
    PROCESSES: "run it in a tool: ctx.tool(…)",
    THREADS: "run calls side by side with ctx.gather(…), or compute in a tool",
    DATABASE: "read and write rows in a tool: ctx.tool(…)",
    CLOCK: "take the recorded time, ctx.now(), and wait with ctx.sleep(…)",
    DICE: "take a recorded number, ctx.random(), or id, ctx.uuid()",
    ENVIRONMENT: "read it when the module is imported, give it with the goal, or ask a tool",
    TOOL: "call it through ctx.tool(…), so that the answer is on record",
}
_ONE_BY_ONE = {
    FILES: "open os.listdir os.scandir os.mkdir os.rmdir os.remove os.rename os.link os.symlink os.truncate os.utime "
    "os.chmod os.chown os.lchown os.chflags os.chdir os.fchdir os.walk os.fwalk os.lockf os.getxattr os.listxattr "
    "os.setxattr os.removexattr glob.glob glob.glob/2 pathlib.Path.glob pathlib.Path.rglob mmap.__new__ builtins.input",
    NETWORK: "urllib.Request webbrowser.open",
    PROCESSES: "subprocess.Popen os.system os.exec os.fork os.forkpty os.posix_spawn os.spawn os.kill os.killpg "
    "os.startfile pty.spawn signal.pthread_kill",
    THREADS: "_thread.start_new_thread _thread.start_joinable_thread",
    DATABASE: "sqlite3.connect",
    CLOCK: "time.sleep",
    ENVIRONMENT: "os.putenv os.unsetenv socket.gethostname socket.sethostname",
}  # fmt: skip
_BY_MODULE = {
    "socket.": NETWORK, "http.client.": NETWORK, "ftplib.": NETWORK, "smtplib.": NETWORK, "imaplib.": NETWORK,
    "poplib.": NETWORK, "nntplib.": NETWORK, "telnetlib.": NETWORK, "shutil.": FILES, "tempfile.": FILES, "fcntl.": FILES,
    "syslog.": FILES, "dbm.": FILES,
}  # fmt: skip
_HARMLESS = frozenset({"socket.__new__"})  # an event loop makes one for itself
_KNOWN: dict[str, str] = {event: what for what, events in _ONE_BY_ONE.items() for event in events.split()}


def meaning(event: str) -> str:
    """What a report means; empty where it means nothing outside."""
    found = _KNOWN.get(event)
    if found is None:
        module = event[: event.rfind(".") + 1]
        found = _KNOWN[event] = "" if event in _HARMLESS else _BY_MODULE.get(module, "")
    return found
