"""What watches a re-execution from the inside, and holds still what may change; copied as ``sitecustomize``.

So every Python that the stage starts loads it first. It uses the standard library only, of any Python since 3.8. The
file that ``JUPYTER_MLOPS_WATCH`` names says what to do; what it notices goes, a JSON line each, to the log named there.
Only what code of the author causes is noticed and held still: the kernel itself goes on as ever.
"""

import contextlib
import ctypes
import datetime
import gc
import hashlib
import importlib.machinery
import importlib.util
import json
import os
import random
import re
import site
import sys
import tempfile
import threading
import time

VARIABLE = "JUPYTER_MLOPS_WATCH"
CELL = re.compile(r"ipykernel_\d+[/\\]\d+\.py$|^<ipython-input-")
NOTEBOOK = frozenset(
    "ipykernel IPython zmq tornado jupyter_client jupyter_core traitlets comm debugpy matplotlib_inline".split()
)
PLUMBING = NOTEBOOK | frozenset(
    "asyncio threading queue selectors subprocess multiprocessing concurrent tempfile site".split()
)
SYSTEM = ("/proc/", "/sys/", "/dev/", "/etc/", "/usr/", "/lib/", "/lib64/", "/bin/", "/sbin/", "/run/")
SETTINGS = frozenset(
    ".ipython .jupyter .config .matplotlib matplotlib fontconfig fonts .fonts __pycache__ "
    "site-packages dist-packages".split()
)
CODE = (".pyi", ".so", ".pyd", ".pth", ".dist-info")
READERS = {
    "polars": "read_csv scan_csv read_parquet scan_parquet read_ipc scan_ipc read_ndjson scan_ndjson read_json",
    "pyarrow.parquet": "read_table",
    "pyarrow.csv": "read_csv open_csv",
    "pyarrow.dataset": "dataset",
    "pyarrow.feather": "read_table read_feather",
    "duckdb": "read_csv read_parquet",
}
"""Functions that read files without Python's help, so that no audit hook hears of it."""
IPYTHON_OPEN = "_modified_open"
"""What stands for `open` in a cell."""
TICK_S = 0.001
TURN_S = 5.0


class Watch:
    """What is noticed and held still in this process, by its orders: ``log``, ``root``, ``controls``, ``moment``."""

    def __init__(self, orders):
        self.controls = frozenset(orders["controls"])
        self.root = orders["root"]
        self.began = time.time()
        self._log = os.open(orders["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._seen = set()
        self._own = threading.local()
        self._ports = set()
        self._written = set()
        self._seeded = set()
        self._moment = orders.get("moment", 0.0)
        self._drawn = 0
        self._turn = None
        prefixes = {sys.prefix, sys.base_prefix, os.path.dirname(os.__file__), site.getusersitepackages()}
        self._installed = tuple(os.path.abspath(path) + os.sep for path in prefixes)

    # Where it happens

    def place(self, through=PLUMBING):
        """Cell, line and whether during an import; None when no code of the author is nearest on the stack."""
        frame, importing = sys._getframe(1), False
        ours = frame.f_code.co_filename
        while frame is not None:
            name = frame.f_code.co_filename
            if CELL.search(name) or self._is_script(frame):
                return self._cell(), frame.f_lineno, importing
            if name.startswith("<frozen importlib"):
                importing = True
            elif name != ours and frame.f_code.co_name != IPYTHON_OPEN and _package(frame) in through:
                return None
            frame = frame.f_back
        return None

    @staticmethod
    def _is_script(frame):
        """Whether the frame is that of a plain script; in a kernel, the script is the launcher."""
        return frame.f_globals.get("__name__") == "__main__" and "ipykernel" not in sys.modules

    @staticmethod
    def _cell():
        """The execution count of the cell that runs: IPython raises its own before or after, by its release."""
        shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
        history = getattr(getattr(shell, "history_manager", None), "input_hist_raw", None)
        return len(history) - 1 if history else None

    def note(self, factor, what, place, **more):
        """Write down that code of the author uses `factor`; once for each cell."""
        cell, line, importing = place
        key = (factor, what, cell)
        if importing or key in self._seen:
            return
        self._seen.add(key)
        self.say(factor=factor, what=what, cell=cell, line=line, **more)

    def say(self, **message):
        """Write one line of the log."""
        os.write(self._log, json.dumps(message).encode() + b"\n")

    # Files, network and threads, as the interpreter tells of them

    def heard(self, event, arguments):
        """An audit hook: it never fails but where it shall."""
        action = self._events.get(event)
        if action is None or getattr(self._own, "busy", False):
            return
        self._own.busy = True
        try:
            action(self, *arguments)
        except Refused:
            raise
        except Exception:  # noqa: BLE001, S110  # what cannot be noticed is not worth the author's failure
            pass
        finally:
            self._own.busy = False

    def _opened(self, path, mode=None, flags=0):
        if isinstance(path, int):
            return
        name = os.path.abspath(os.fsdecode(path))
        if name.endswith(".pyc") and "__pycache__" in name:
            name = importlib.util.source_from_cache(name)
        writes = bool(set(mode or "") & set("wax+")) or (mode is None and flags & (os.O_WRONLY | os.O_RDWR))
        if writes:
            self._written.add(name)
        else:
            self.read(name, self.place(NOTEBOOK))

    def read(self, name, place):
        """Code of the author reads the file `name`."""
        if place is None or not self._is_foreign(name):
            return
        inside = name.startswith(self.root + os.sep)
        if inside and os.path.exists(name):
            return
        self.note("undeclared input", name, (place[0], place[1], False), exists=os.path.exists(name))

    def _is_foreign(self, name):
        """Whether it may be an input: nothing installed, no setting, nothing that the stage itself wrote."""
        if name.startswith(SYSTEM) or name.startswith(self._installed) or name.endswith(CODE):
            return False
        if name in self._written or SETTINGS & set(name.split(os.sep)) or os.path.isdir(name):
            return False
        return not os.path.exists(name) or os.path.getmtime(name) < self.began

    def _bound(self, _socket, address):
        if isinstance(address, tuple) and len(address) > 1:
            self._ports.add(address[1])

    def _connected(self, _socket, address):
        if not isinstance(address, tuple) or len(address) < 2 or address[1] in self._ports:
            return
        place = self.place(NOTEBOOK)
        if place is None:
            return
        self.note("network", f"{address[0]}:{address[1]}", (place[0], place[1], False))
        if "network" in self.controls:
            raise Refused(101, f"the network is refused while the cause is looked for: {address[0]}:{address[1]}")

    def _imported(self, name, *_):
        top = name.partition(".")[0]
        if top not in self._seen:
            self._seen.add(top)
            self.say(module=top)

    _events = {  # noqa: RUF012 - never changed
        "open": _opened,
        "socket.bind": _bound,
        "socket.connect": _connected,
        "import": _imported,
    }

    # Chance

    def hold_chance(self):
        """Notice random numbers that nothing seeds; under control they are the same every time."""
        entropy = os.urandom
        seed = random.Random.seed

        def urandom(size):
            place = self.place()
            if place is None:
                return entropy(size)
            self.note("unset seed", "os.urandom", place)
            return self._stream(size) if "unset seed" in self.controls else entropy(size)

        def seeded(own, a=None, version=2):
            place = self.place() if a is None else None
            if own is random._inst and a is not None:
                self._seeded.add("random")
            if place:
                self.note("unset seed", "random.seed()", place)
                a = self._stream(8) if "unset seed" in self.controls else None
            return seed(own, a, version)

        os.urandom = random._urandom = urandom
        random.Random.seed = seeded
        random.seed = random._inst.seed
        if "unset seed" in self.controls:
            seed(random._inst, 0)
        self._watch_functions(random, "random", lambda function: getattr(function, "__self__", None) is random._inst)

    def _stream(self, size):
        """Bytes that look random and are the same in every execution."""
        data = b""
        while len(data) < size:
            self._drawn += 1
            data += hashlib.sha256(str(self._drawn).encode()).digest()
        return data[:size]

    def _watch_functions(self, module, name, is_random):
        """Notice every call of a random function of `module` before it is seeded."""
        for key in dir(module):
            function = getattr(module, key)
            if callable(function) and is_random(function) and key not in ("seed", "getstate", "setstate", "set_state"):
                setattr(module, key, self._drawing(function, name, f"{module.__name__}.{key}"))

    def _drawing(self, function, name, said):
        def drawn(*arguments, **named):
            if name not in self._seeded:
                place = self.place()
                if place:
                    self.note("unset seed", said, place)
            return function(*arguments, **named)

        drawn.__name__ = getattr(function, "__name__", "drawn")
        drawn.__doc__ = function.__doc__
        return drawn

    def _numpy(self, module):
        legacy = getattr(module.mtrand, "_rand", None)
        seed = legacy.seed
        if "unset seed" in self.controls:
            seed(0)

        def seeded(*arguments, **named):
            self._seeded.add("numpy")
            return seed(*arguments, **named)

        self._watch_functions(module, "numpy", lambda function: getattr(function, "__self__", None) is legacy)
        module.seed = module.mtrand.seed = seeded

    def _sklearn(self, module):
        check = module.check_random_state

        def checked(seed):
            place = self.place() if seed is None and "numpy" not in self._seeded else None
            if place:
                self.note("unset seed", "random_state=None", place)
            return check(seed)

        module.check_random_state = checked

    # Time

    def hold_time(self):
        """Notice who asks for the time; under control it stands still, but for what is slept."""
        for name in ("time", "monotonic", "perf_counter", "process_time"):
            setattr(time, name, self._clock(getattr(time, name), name, 1))
            setattr(time, f"{name}_ns", self._clock(getattr(time, f"{name}_ns"), f"{name}_ns", 10**9))
        for name, count in (("localtime", 0), ("gmtime", 0), ("ctime", 0), ("asctime", 0), ("strftime", 1)):
            setattr(time, name, self._calendar(getattr(time, name), name, count))
        pause = time.sleep

        def sleep(seconds):
            if "clock" in self.controls and self.place():
                self._moment += max(0.0, seconds)
            pause(seconds)

        time.sleep = sleep
        for kind, names in ((datetime.datetime, ("now", "utcnow")), (datetime.date, ("today",))):
            replace(kind, {name: self._today(kind.__dict__[name], f"{kind.__name__}.{name}") for name in names})

    def _today(self, original, what):
        """A class method of a date, or of a date with a time, that means now."""

        def asked(cls, *arguments, **named):
            at = self._asked(what)
            if at is None:
                return original.__get__(None, cls)(*arguments, **named)
            if what.endswith("utcnow"):
                return cls.fromtimestamp(at, datetime.timezone.utc).replace(tzinfo=None)
            return cls.fromtimestamp(at, *arguments, **named)

        return asked

    def _asked(self, what):
        """The moment at which time stands for the author's code; None when it goes on."""
        place = self.place()
        if place is None:
            return None
        self.note("clock", what, place)
        if "clock" not in self.controls:
            return None
        self._moment += TICK_S
        return self._moment

    def _clock(self, clock, name, unit):
        def asked():
            at = self._asked(f"time.{name}")
            return clock() if at is None else (at if unit == 1 else int(at * unit))

        return asked

    def _calendar(self, function, name, count):
        """A function that means now when its argument number `count` is left out."""

        def asked(*arguments):
            at = self._asked(f"time.{name}") if len(arguments) <= count or arguments[count] is None else None
            if at is None:
                return function(*arguments)
            moment = self.local(at) if name in ("strftime", "asctime") else at
            return function(*arguments[:count], moment)

        return asked

    local = staticmethod(time.localtime)

    # Threads

    def hold_threads(self):
        """Notice threads; under control, what the author starts at once runs one after the other."""
        start = threading.Thread.start

        def started(thread):
            place = self.place(NOTEBOOK)
            if place:
                self.note("threads", "threading.Thread", place)
            module = str(getattr(getattr(thread, "_target", None), "__module__", ""))
            if place and "threads" in self.controls and not module.startswith(("concurrent.", "multiprocessing.")):
                self._line_up(thread)
            start(thread)

        threading.Thread.start = started
        if "threads" in self.controls:
            os.cpu_count = self._single(os.cpu_count)

    def _line_up(self, thread):
        """Let `thread` begin when the one before has ended, or has had its time."""
        before, self._turn, run = self._turn, thread, thread.run

        def in_turn():
            if before is not None:
                before.join(TURN_S)
            run()

        thread.run = in_turn

    def _single(self, count):
        return lambda: 1 if self.place() else count()

    def _one_worker(self, pool):
        """Let a pool that the author makes have one worker; its size is the first argument."""
        make = pool.__init__
        size = "processes" if "processes" in make.__code__.co_varnames else "max_workers"

        def made(own, *arguments, **named):
            if self.place(NOTEBOOK):
                arguments = (1, *arguments[1:])
                named.pop(size, None)
            make(own, *arguments, **named)

        pool.__init__ = made

    def _pools(self, *names):
        """A change of a module: its pools have one worker."""

        def change(module):
            for name in names if "threads" in self.controls else ():
                self._one_worker(getattr(module, name))

        return change

    # Libraries, once they are imported

    def libraries(self):
        """What is done to a module when it has been imported, by its name."""
        found = {
            "numpy.random": self._numpy,
            "sklearn.utils.validation": self._sklearn,
            "concurrent.futures.thread": self._pools("ThreadPoolExecutor"),
            "concurrent.futures.process": self._pools("ProcessPoolExecutor"),
            "multiprocessing.pool": self._pools("Pool", "ThreadPool"),
        }
        found.update({name: self._reads(words.split()) for name, words in READERS.items()})
        if "unset seed" in self.controls:
            found["torch"] = lambda module: module.manual_seed(0)
            found["tensorflow"] = lambda module: module.random.set_seed(0)
        return found

    def _reads(self, names):
        def change(module):
            for name in names:
                if callable(function := getattr(module, name, None)):
                    setattr(module, name, self._reading(function))

        return change

    def _reading(self, function):
        """`function`, noticed when it is given a path first."""

        def read(source, *arguments, **named):
            if isinstance(source, (str, os.PathLike)) and "://" not in str(source):
                self.read(os.path.abspath(os.fspath(source)), self.place(NOTEBOOK))
            return function(source, *arguments, **named)

        read.__name__, read.__doc__ = function.__name__, function.__doc__
        return read


def _package(frame):
    """The package of the code that runs in `frame`."""
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]


class Refused(ConnectionError):
    """What a guard raises in place of a connection."""


class Afterwards:
    """A finder that lets a change be made to some modules as soon as they are imported."""

    def __init__(self, changes):
        self._changes = changes

    def find_spec(self, name, path=None, target=None):
        """The spec that another finder has, its loader followed by our change."""
        change = self._changes.pop(name, None)
        if change is None:
            return None
        others = (finder for finder in sys.meta_path if finder is not self and hasattr(finder, "find_spec"))
        spec = next(filter(None, (finder.find_spec(name, path, target) for finder in others)), None)
        if spec is not None and hasattr(spec.loader, "exec_module"):
            execute = spec.loader.exec_module

            def executed(module):
                execute(module)
                with contextlib.suppress(Exception):  # another release of the library: it goes on unwatched
                    change(module)

            with contextlib.suppress(AttributeError):
                spec.loader.exec_module = executed
        return spec


def replace(kind, methods):
    """Put class methods of our own into a type of the interpreter, which forbids it by any plain way."""
    with contextlib.suppress(Exception):
        space = gc.get_referents(kind.__dict__)[0]
        for name, function in methods.items():
            space[name] = classmethod(function)
        ctypes.pythonapi.PyType_Modified(ctypes.py_object(kind))


def go_on():
    """Load the ``sitecustomize`` in whose place this one stands, if there is one."""
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [path for path in sys.path if os.path.abspath(path or ".") != here]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize")
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


def begin():
    """Watch this process, unless it is the worker that starts the kernels."""
    orders = os.environ.get(VARIABLE)
    if not orders or any(word.endswith("pipelines.executing.worker") for word in getattr(sys, "orig_argv", ())):
        return
    tempfile.gettempdir()
    with open(orders, encoding="utf-8") as file:
        watch = Watch(json.load(file))
    watch.hold_chance()
    watch.hold_time()
    watch.hold_threads()
    sys.meta_path.insert(0, Afterwards(watch.libraries()))
    sys.addaudithook(watch.heard)
    watch.say(watched=os.getpid())


if __name__ == "sitecustomize":
    begin()
    with contextlib.suppress(Exception):
        go_on()
