"""What is looked for: codes, what each means, what to write instead, and the names behind them. Pure."""

from __future__ import annotations

CLOCK, DICE, NETWORK, FILES, PROCESSES, THREADS, ENVIRONMENT = (f"AET00{number}" for number in range(1, 8))
GLOBALS, ORDER, AWAIT, TOOL, PARK, DATABASE = "AET008", "AET009", "AET010", "AET011", "AET012", "AET013"
UNREADABLE = "AET000"

# code -> (what it is, what to write instead)
CODES: dict[str, tuple[str, str]] = {
    UNREADABLE: ("no Python that can be read", "repair it; nothing else was looked at"),
    CLOCK: ("the clock", "take the recorded time, ctx.now(), and wait with ctx.sleep(…)"),
    DICE: ("randomness", "take a recorded number, ctx.random(), or id, ctx.uuid()"),
    NETWORK: ("the network", "ask in a tool: ctx.tool(…)"),
    FILES: ("files", "read and write them in a tool: ctx.tool(…)"),
    PROCESSES: ("a process", "run it in a tool: ctx.tool(…)"),
    THREADS: ("a thread or task of its own", "run calls side by side with ctx.gather(…)"),
    ENVIRONMENT: ("the environment", "read it when the module is imported, or give it with the goal"),
    GLOBALS: ("a global that changes", "keep it with the job: the step's result, or ctx.state"),
    ORDER: ("the order of a set, which differs from process to process", "sort it first: sorted(…)"),
    AWAIT: ("an awaitable that no ctx gave", "await ctx calls only, and put the rest into a tool"),
    TOOL: ("a direct call of a tool", "call it through ctx.tool(…), so that the answer is on record"),
    PARK: ("a catch of what parks the step", "catch Exception, or CallFailed; let BaseException pass"),
    DATABASE: ("the database", "read and write rows in a tool: ctx.tool(…)"),
}

# Dotted names; one that ends with a dot is everything below it.
NAMES: dict[str, str] = {
    name: code
    for code, names in {
        CLOCK: "time.time time.time_ns time.monotonic time.monotonic_ns time.perf_counter time.perf_counter_ns time.process_time "
        "time.process_time_ns time.thread_time time.clock_gettime time.sleep datetime.datetime.now datetime.datetime.utcnow "
        "datetime.datetime.today datetime.date.today django.utils.timezone.now django.utils.timezone.localtime "
        "django.utils.timezone.localdate asyncio.sleep asyncio.wait_for asyncio.timeout",
        DICE: "random. secrets. uuid.uuid1 uuid.uuid4 uuid.uuid6 uuid.uuid7 os.urandom os.getrandom numpy.random. "
        "django.utils.crypto.get_random_string",
        NETWORK: "socket. requests. httpx. aiohttp. urllib.request. urllib3. http.client. ftplib. smtplib. imaplib. poplib. "
        "websockets. paramiko. grpc. boto3. redis. openai. anthropic. asyncio.open_connection asyncio.start_server "
        "django.core.mail. webbrowser.",
        FILES: "open io.open os.open os.listdir os.scandir os.walk os.stat os.remove os.unlink os.rename os.replace os.mkdir "
        "os.makedirs os.rmdir os.removedirs os.chmod os.chdir os.path.exists os.path.isfile os.path.isdir os.path.getmtime "
        "os.path.getsize shutil. tempfile. glob. fileinput. input pathlib.Path.home pathlib.Path.cwd",
        PROCESSES: "subprocess. multiprocessing. os.system os.popen os.fork os.kill os.execv os.execve os.posix_spawn os.spawnv "
        "os.abort signal. asyncio.create_subprocess_exec asyncio.create_subprocess_shell",
        THREADS: "threading. _thread. concurrent.futures. asyncio.create_task asyncio.ensure_future asyncio.gather asyncio.wait "
        "asyncio.as_completed asyncio.to_thread asyncio.run asyncio.TaskGroup asyncio.shield asgiref.sync. celery. "
        "contextvars.copy_context",
        ENVIRONMENT: "os.environ os.environb os.getenv os.putenv os.getpid os.getppid os.getcwd os.cpu_count os.uname "
        "os.getlogin sys.argv sys.stdin platform. getpass. socket.gethostname",
        DATABASE: "django.db. sqlite3. psycopg. sqlalchemy.",
    }.items()
    for name in names.split()
}
HARMLESS = frozenset({
    "random.Random", "random.seed", "socket.timeout", "socket.error", "requests.RequestException", "httpx.HTTPError",
    "subprocess.CalledProcessError", "multiprocessing.TimeoutError", "concurrent.futures.TimeoutError",
})  # fmt: skip
# These read something only where they are given nothing.
WITHOUT_ARGUMENT: dict[str, tuple[str, int]] = {
    "time.localtime": (CLOCK, 1), "time.gmtime": (CLOCK, 1), "time.ctime": (CLOCK, 1), "time.asctime": (CLOCK, 1),
    "time.strftime": (CLOCK, 2), "random.Random": (DICE, 1),
}  # fmt: skip
OF_A_PATH = frozenset({
    "read_text", "write_text", "read_bytes", "write_bytes", "iterdir", "rglob", "unlink", "touch", "is_file", "is_dir", "hardlink_to",
    "symlink_to",
})  # fmt: skip
CHANGES = frozenset({
    "append", "extend", "insert", "remove", "pop", "popitem", "clear", "add", "discard", "update", "setdefault", "sort", "reverse",
    "appendleft", "popleft",
})  # fmt: skip
ORDERLESS = frozenset({"sorted", "set", "frozenset", "len", "sum", "min", "max", "any", "all", "bool"})


def meaning(name: str) -> str:
    """The code of a dotted name; empty for one that is harmless or unknown."""
    if name in HARMLESS:
        return ""
    if name in NAMES:
        return NAMES[name]
    parts = name.split(".")
    for size in range(len(parts) - 1, 0, -1):
        found = NAMES.get(".".join(parts[:size]) + ".") or (
            NAMES.get(".".join(parts[:size])) if size > 1 else None
        )
        if found:
            return found
    return ""
