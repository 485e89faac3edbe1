"""The contracts of the fallback images, and what builds leave behind, on a real engine."""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.support.leftovers import NAME

from optimus_ops.engine.docker_compose import DockerCompose
from optimus_ops.engine.docker_engine import DockerEngine
from optimus_ops.errors import OpsError
from optimus_ops.images.apt_host import read_apt_host
from optimus_ops.images.building import build
from optimus_ops.images.fallback_catalogue import FALLBACK_IMAGES
from optimus_ops.images.fallback_images import ensure_fallbacks
from optimus_ops.images.listing import list_images
from optimus_ops.project.settings import load_project

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[2]
# In a comment of the requirements it keeps layers of earlier sessions from being used.
RUN = os.environ.get("PYTEST_XDIST_TESTRUNUID", uuid.uuid4().hex)
EVERYWHERE = [fallback.image for fallback in FALLBACK_IMAGES if fallback.everywhere]
POSTGRES, PYTHON, NGINX, REDIS = EVERYWHERE


def quiet(_: str) -> None:
    """Progress is of no interest here."""


def docker(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=check, timeout=300)


def eventually(happens: Callable[[], bool], what: str, seconds: float = 90) -> None:
    until = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < until, f"{what} did not happen"
        time.sleep(0.2)


@dataclass(frozen=True)
class Container:
    name: str

    def sh(self, script: str, check: bool = True) -> str:
        return docker("exec", self.name, "sh", "-c", script, check=check).stdout.strip()

    def succeeds(self, script: str) -> bool:
        return docker("exec", self.name, "sh", "-c", script, check=False).returncode == 0

    def logs(self) -> str:
        done = docker("logs", self.name)
        return done.stdout + done.stderr


Run = Callable[..., Container]


@pytest.fixture(scope="module", autouse=True)
def fallbacks(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Make the fallback images if need be, from a copy, so that the checkout's own compose/.env stays as it is."""
    copy = tmp_path_factory.mktemp("checkout")
    shutil.copytree(ROOT / "compose" / "airgap", copy / "compose" / "airgap")
    ensure_fallbacks(DockerEngine.connect(), load_project(copy, {}), EVERYWHERE, quiet)


@pytest.fixture
def run() -> Iterator[Run]:
    names: list[str] = []

    def start(image: str, *options: str, command: tuple[str, ...] = ()) -> Container:
        names.append(f"{NAME}-images-{uuid.uuid4().hex[:8]}")
        docker("run", "-d", "--network", "none", "--name", names[-1], *options, image, *command)
        return Container(names[-1])

    yield start
    for name in names:
        docker("rm", "-f", "-v", name, check=False)


@pytest.fixture
def volume() -> Iterator[str]:
    name = f"{NAME}-images-{uuid.uuid4().hex[:8]}"
    docker("volume", "create", name)
    yield name
    docker("volume", "rm", "-f", name)


# ---- redis


def test_redis_started_as_root_runs_as_its_own_user(run: Run) -> None:
    redis = run(REDIS, command=("--maxmemory", "8mb"))
    eventually(lambda: redis.succeeds("redis-cli ping | grep -q PONG"), "an answer of redis")
    assert redis.sh("stat -c %u:%g /proc/1") == "999:1000"
    assert redis.sh("redis-cli config get maxmemory | tail -1") == "8388608"
    assert redis.sh("redis-cli config get dir | tail -1") == "/data"


def test_redis_takes_a_configuration_file_without_privileges(run: Run, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "redis.conf").write_text("appendonly yes\n")
    hardened = ("--read-only", "--cap-drop", "ALL", "--user", "redis", "-v", f"{tmp_path}:/etc/redis:ro")
    redis = run(REDIS, *hardened, command=("redis-server", "/etc/redis/redis.conf"))
    eventually(lambda: redis.succeeds("test -d /data/appendonlydir && redis-cli ping"), "an append-only file")


def test_redis_runs_as_a_sentinel(run: Run, tmp_path: Path) -> None:
    (tmp_path / "sentinel.conf").write_text("port 26379\nsentinel monitor main 127.0.0.1 6379 1\n")
    (tmp_path / "sentinel.conf").chmod(0o666)
    tmp_path.chmod(0o777)
    sentinel = run(REDIS, "-v", f"{tmp_path}:/etc/sentinel", command=("redis-sentinel", "/etc/sentinel/sentinel.conf"))
    eventually(lambda: sentinel.succeeds("redis-cli -p 26379 ping | grep -q PONG"), "an answer of the sentinel")


# ---- nginx


def test_nginx_serves_on_a_read_only_root_without_privileges(run: Run, tmp_path: Path) -> None:
    templates = tmp_path / "templates"
    templates.mkdir()
    templates.chmod(0o755)
    server = 'server { listen ${PORT}; location / { return 200 "$uri by ${WHO}"; } }\n'
    (templates / "site.conf.template").write_text(server)
    scratch = [
        word
        for path in ("/tmp", "/run", "/var/cache/nginx", "/etc/nginx/conf.d")
        for word in ("--tmpfs", f"{path}:uid=101")
    ]
    options = ("--read-only", "--cap-drop", "ALL", "--user", "101:101", "-e", "PORT=8010", "-e", "WHO=me")
    nginx = run(NGINX, *options, *scratch, "-v", f"{templates}:/etc/nginx/templates:ro")
    eventually(lambda: nginx.succeeds("wget -q -O - http://127.0.0.1:8010/x"), "an answer of nginx")
    assert nginx.sh("wget -q -O - http://127.0.0.1:8010/x") == "/x by me"
    eventually(lambda: "GET /x" in nginx.logs(), "a line in the access log")


def test_nginx_started_as_root_serves_as_its_own_user(run: Run) -> None:
    nginx = run(NGINX)
    eventually(lambda: nginx.succeeds("wget -q -O - http://127.0.0.1/ || test $? = 8 || true"), "a start")
    eventually(lambda: "101" in nginx.sh("stat -c %u /proc/[0-9]*", check=False).split(), "a worker of user 101")


def test_nginx_is_new_enough_to_resolve_upstreams() -> None:
    said = docker("run", "--rm", "--network", "none", NGINX, "nginx", "-v").stderr
    version = tuple(int(part) for part in said.strip().rpartition("/")[2].split("."))
    assert version >= (1, 27, 4)


# ---- PostgreSQL


def test_postgres_takes_its_settings_from_files_and_runs_init_scripts(run: Run, tmp_path: Path) -> None:
    scripts, secrets = tmp_path / "init", tmp_path / "secrets"
    scripts.mkdir()
    secrets.mkdir()
    (scripts / "1.sql").write_text("CREATE EXTENSION vector; CREATE TABLE items (place vector(3));\n")
    (scripts / "2.sh").write_text(
        'psql -c "INSERT INTO items VALUES (\'[1,2,3]\')" -U "$POSTGRES_USER" "$POSTGRES_DB"\n'
    )
    for name, value in (("password", "it's a $ecret"), ("user", "owner"), ("db", "shop")):
        (secrets / name).write_text(f"{value}\n")
    mounts = ("-v", f"{scripts}:/docker-entrypoint-initdb.d:ro", "-v", f"{secrets}:/run/secrets:ro")
    given = [f"POSTGRES_{name.upper()}_FILE=/run/secrets/{name}" for name in ("password", "user", "db")]
    given.append("POSTGRES_INITDB_ARGS=--data-checksums")
    environment = [word for setting in given for word in ("-e", setting)]
    postgres = run(POSTGRES, *mounts, *environment, command=("postgres", "-c", "max_connections=12"))
    asking = "psql -h 127.0.0.1 -U owner -d shop -At"
    right = f'PGPASSWORD="$(cat /run/secrets/password)" {asking}'
    eventually(lambda: postgres.succeeds(f"echo 'SELECT 1' | {right}"), "an answer of PostgreSQL")
    questions = "TABLE items; SHOW max_connections; SHOW data_checksums"
    assert postgres.sh(f"echo '{questions}' | {right}").split() == ["[1,2,3]", "12", "on"]
    assert postgres.sh("stat -c %u:%g /proc/1") == "999:999"
    assert not postgres.succeeds(f"echo 'SELECT 1' | PGPASSWORD=wrong {asking}")


def test_postgres_refuses_an_empty_password() -> None:
    done = docker("run", "--rm", "--network", "none", POSTGRES, check=False)
    assert done.returncode == 1
    assert "POSTGRES_PASSWORD" in done.stderr


def test_postgres_without_privileges_goes_on_after_an_interrupted_first_start(volume: str, run: Run) -> None:
    data = ("-v", f"{volume}:/var/lib/postgresql/data")
    leave_half = "mkdir $PGDATA/.initialising && echo 17 > $PGDATA/.initialising/PG_VERSION"
    docker("run", "--rm", "--user", "999:999", *data, POSTGRES, "sh", "-c", leave_half)
    hardened = (
        "--read-only",
        "--cap-drop",
        "ALL",
        "--user",
        "999:999",
        "--tmpfs",
        "/tmp",
        "--tmpfs",
        "/run/postgresql",
    )
    postgres = run(POSTGRES, *hardened, *data, "-e", "POSTGRES_PASSWORD=x")
    answers = "PGPASSWORD=x psql -h 127.0.0.1 -U postgres -Atc 'SELECT 1'"
    eventually(lambda: postgres.succeeds(answers), "an answer of PostgreSQL")
    assert not postgres.succeeds("test -e $PGDATA/.initialising")
    docker("stop", postgres.name)
    docker("start", postgres.name)
    eventually(lambda: postgres.succeeds(answers), "an answer after a restart")


# ---- what images hold


def test_fallback_images_do_not_say_where_their_packages_came_from() -> None:
    host = read_apt_host().mirror.archive.partition("://")[2].partition("/")[0]
    for image in (POSTGRES, PYTHON, NGINX, REDIS):
        assert host not in docker("history", "--no-trunc", image).stdout
        left = (
            "ls /run/secrets /var/lib/apt/lists /etc/apt/sources.list.d /etc/apt/sources.list 2>/dev/null | grep -v :"
        )
        assert docker("run", "--rm", "--entrypoint", "sh", image, "-c", left, check=False).stdout.strip() == ""


def bytes_of(image: str) -> Iterator[bytes]:
    """Return all that an image holds: its configuration, and its layers without compression."""
    saved = subprocess.run(["docker", "save", image], capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(saved)) as archive:
        for member in archive:
            stream = archive.extractfile(member) if member.isfile() else None
            content = stream.read() if stream is not None else b""
            yield gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content


@dataclass(frozen=True)
class Checkout:
    """A small Compose project whose two services are built by a real Dockerfile of this repository."""

    root: Path
    images: tuple[str, str]

    @property
    def file(self) -> Path:
        return self.root / "compose" / "docker-compose.yml"

    def build(self, *services: str, **environ: str) -> tuple[str, ...]:
        return build(self.compose.with_variables(environ), DockerEngine.connect(), services, quiet)

    @property
    def compose(self) -> DockerCompose:
        return DockerCompose(load_project(self.root, os.environ), (self.file,))

    def ids(self) -> tuple[str | None, ...]:
        return tuple(DockerEngine.connect().images([image]).get(image) for image in self.images)

    def source(self, service: str) -> Path:
        return self.root / "services" / service / "src" / "app.py"


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Checkout]:
    tag = uuid.uuid4().hex[:8]
    dockerfile = (ROOT / "services" / "Dockerfile").read_text()
    lock = (ROOT / "services" / "ai-engine" / "requirements.txt").read_text().replace("\\\n", " ")
    one_package = next(" ".join(line.split()) for line in lock.splitlines() if line.startswith("idna=="))
    services = {}
    (tmp_path / "services" / "kit" / "src").mkdir(parents=True)
    for name in ("first", "second"):
        (tmp_path / "services" / name / "src").mkdir(parents=True)
        (tmp_path / "services" / name / "src" / "app.py").write_text(f"name = {name!r}\n")
        (tmp_path / "services" / name / "contract").mkdir()
        (tmp_path / "services" / name / "contract" / "needs.json").write_text("{}")
        (tmp_path / "services" / name / "requirements.txt").write_text(f"# {RUN}\n{one_package}\n")
        (tmp_path / "services" / name / "Dockerfile").write_text(dockerfile)
        arguments = {"PYTHON_IMAGE": PYTHON, "SERVICE": name, "PORT": "8010"}
        built = {"context": "..", "dockerfile": f"services/{name}/Dockerfile", "args": arguments}
        services[name] = {
            "image": f"{NAME}-images/{name}-{tag}:local",
            "build": {**built, "secrets": ["ca_bundle", "pip_conf"]},
        }
    (tmp_path / "compose").mkdir()
    (tmp_path / "nothing").touch()
    secrets = {name: {"file": str(tmp_path / "nothing")} for name in ("ca_bundle", "pip_conf")}
    model = {"name": f"{NAME}-{tag}", "services": services, "secrets": secrets}
    (tmp_path / "compose" / "docker-compose.yml").write_text(json.dumps(model))
    made = Checkout(tmp_path, (f"{NAME}-images/first-{tag}:local", f"{NAME}-images/second-{tag}:local"))
    yield made
    for image in made.images:
        docker("rmi", "-f", image, check=False)


def test_images_hold_no_trace_of_certificates_and_index(checkout: Checkout, tmp_path: Path) -> None:
    canary = f"canary-{uuid.uuid4().hex}"
    host = os.environ.get("SSL_CERT_FILE") or "/etc/ssl/certs/ca-certificates.crt"
    bundle = tmp_path / "bundle.crt"
    bundle.write_text(f"# {canary}\n{Path(host).read_text()}")
    # A layer of another test knew nothing of it.
    requirements = checkout.root / "services" / "first" / "requirements.txt"
    requirements.write_text(f"# {uuid.uuid4().hex}\n{requirements.read_text()}")
    checkout.build("first", SSL_CERT_FILE=str(bundle), PIP_TRUSTED_HOST=f"{canary}.invalid")
    image = checkout.images[0]
    assert canary not in docker("history", "--no-trunc", image).stdout
    assert all(canary.encode() not in content for content in bytes_of(image))
    assert any(b"name = 'first'" in content for content in bytes_of(image))


def test_a_build_writes_its_log_where_the_state_is(
    checkout: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPTIMUS_STATE_DIR", str(tmp_path / "elsewhere"))
    checkout.build("first")
    assert list((tmp_path / "elsewhere" / "logs").glob("build-*.log"))
    assert not (checkout.root / ".optimus").exists()


def test_a_change_rebuilds_one_service_alone(checkout: Checkout) -> None:
    # The engine may have dropped a layer from its cache between the first two builds, beside other tests.
    ids: list[tuple[str | None, ...]] = []
    while len(ids) < 2 or (ids[-1] != ids[-2] and len(ids) < 4):
        assert checkout.build() == checkout.images
        ids.append(checkout.ids())
    first, second = ids[-1]
    assert ids[-2] == (first, second)
    checkout.source("first").write_text("name = 'changed'\n")
    model = json.loads(docker("compose", "-f", str(checkout.file), "config", "--format", "json").stdout)
    assert [row.current for row in list_images(DockerEngine.connect(), model)[:2]] == [False, True]
    checkout.build()
    assert checkout.ids()[0] != first
    assert checkout.ids()[1] == second


def test_a_service_image_is_slim_and_runs_unprivileged(checkout: Checkout) -> None:
    checkout.build("first")
    show = "import os, app, idna; print(os.getuid(), app.name); import importlib.util as u; print(u.find_spec('pip'))"
    hardened = ("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--network", "none")
    said = docker("run", "--rm", *hardened, checkout.images[0], "python", "-c", show).stdout
    assert said.split() == ["1001", "first", "None"]


def test_a_failed_build_says_why_and_leaves_the_old_image(checkout: Checkout) -> None:
    checkout.build("first")
    before = checkout.ids()
    dockerfile = checkout.root / "services" / "first" / "Dockerfile"
    dockerfile.write_text(f"{dockerfile.read_text()}\nRUN echo the reason >&2 && false\n")
    with pytest.raises(OpsError, match="the reason") as failed:
        checkout.build("first")
    assert failed.value.exit_code == 1
    assert checkout.ids() == before


def test_an_interrupted_build_ends_and_leaves_no_image(checkout: Checkout) -> None:
    dockerfile = checkout.root / "services" / "first" / "Dockerfile"
    # A layer of its own: one that ran to its end once would be in the cache.
    dockerfile.write_text(f"{dockerfile.read_text()}\nRUN sleep 300 && echo {uuid.uuid4().hex}\n")
    script = (
        "import os, sys; from pathlib import Path; from optimus_ops.engine.docker_compose import DockerCompose;"
        "from optimus_ops.engine.docker_engine import DockerEngine; from optimus_ops.images.building import build;"
        "from optimus_ops.project.settings import load_project;"
        "compose = DockerCompose(load_project(Path(sys.argv[1]), os.environ), (Path(sys.argv[2]),));"
        "build(compose, DockerEngine.connect(), ['first'], lambda text: print(text, flush=True))"
    )
    command = [sys.executable, "-c", script, str(checkout.root), str(checkout.file)]
    environ = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    with subprocess.Popen(
        command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        assert any(re.search(r"stage-1 (\d+)/\1 RUN", line) for line in process.stdout)
        process.send_signal(signal.SIGINT)
        process.wait(timeout=30)
    assert checkout.ids()[0] is None
