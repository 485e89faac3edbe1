"""A Compose project that is not ours: services that only build, configs and secrets of every kind, no balancer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import docker
from tests.integration.platform import Platform, local_image, remove_everything
from tests.support.leftovers import remove_images

FILES = {
    "tasks.py": "from optimus_ops.tasks.root import make_namespace\n\nns = make_namespace()\n",
    "compose/app/settings": "1",
    "compose/app/Dockerfile": (
        'ARG BASE\nFROM ${BASE}\nCOPY settings /settings\nHEALTHCHECK NONE\nENTRYPOINT []\nCMD ["sleep", "3600"]\n'
    ),
    "compose/.env": "GREETING=hello\n",
    "compose/web.env": "COLOUR=red\nSIZE=1\n",
    "compose/app.yaml": "tenants: [acme]\n",
    "compose/key.txt": "1234",
    "compose/conf/a.conf": "a\n",
    "compose/docker-compose.yml": """
services:
  web:
    build: {context: app, args: {BASE: "${BASE_IMAGE}"}}
    init: true
    stop_grace_period: 5s
    labels: {com.optimus.scalable: "true"}
    environment: {PRICE: "5$$", MODE: "${MODE:-plain}"}
    env_file: [web.env]
    configs: [inline, {source: variable, target: /etc/variable}, {source: file, target: /etc/app.yaml}]
    secrets: [key, token]
    volumes: [./conf:/etc/conf:ro]
configs:
  inline: {content: "price: 5$$ ${WORD:-one}"}
  variable: {environment: GREETING}
  file: {file: ./app.yaml}
secrets:
  key: {file: ./key.txt}
  token: {environment: TOKEN}
""",
}


@dataclass(frozen=True)
class Shop:
    """The project, in a folder of its own."""

    platform: Platform

    @classmethod
    def made(cls, folder: Path, name: str) -> Shop:
        """Write its files; nothing is built or started."""
        root = folder / "shop"
        for path, text in FILES.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        platform = Platform.fresh(folder, name, root).having(BASE_IMAGE=local_image("ai-engine"), TOKEN="first")
        return cls(platform)

    @property
    def compose(self) -> Path:
        """Return the folder of its Compose files."""
        return self.platform.root / "compose"

    @property
    def image(self) -> str:
        """Return the name that Compose gives to the image of web."""
        return f"{self.platform.project}-web"

    def running(self) -> list[str]:
        """Return the names of the containers that run."""
        return sorted(name for name, (_id, state) in self.platform.states().items() if state == "running")

    def read(self, container: str, path: str) -> str:
        """Return what is in a file of a container."""
        code, out = docker.from_env().containers.get(container).exec_run(["cat", path])
        assert code == 0, out
        return str(out.decode())

    def remove(self) -> None:
        """Remove everything that it left on the engine, its images included."""
        remove_everything(self.platform.project)
        remove_images(docker.from_env().api, f"{self.image}:")
