"""A Docker engine for one test, and a base image that needs no network but Debian's packages.

Wanted: root; `dockerd`, `docker` and `debootstrap` (Debian: docker.io, debootstrap). The engine changes nothing of the
machine's network: containers have none, and builds use that of the machine. What cannot be had everywhere is stood in
for: conda, by a `mamba` that makes a virtual environment with this Python's packages; and `docker buildx`, by the
build command of an older client.
"""

import contextlib
import os
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

PYTHON = (3, 11)
"""The version that Debian bookworm has: the packages of another one could not be used in its containers."""
PACKAGES = Path(find_spec("torch").origin).parents[1]
NOT_NEEDED = ("triton", "playwright", "ruff", "sphinx", "autograder")

BUILDX = """#!/bin/sh
if [ "$1" = docker-cli-plugin-metadata ]; then
    echo '{"SchemaVersion": "0.1.0", "Vendor": "test", "Version": "v0", "ShortDescription": "docker build"}'
    exit
fi
shift
case "$1" in
inspect) echo "Name: default"; exit ;;
ls) echo '{"Name": "default", "Driver": "docker"}'; exit ;;
build) shift ;;
esac
for word; do shift; [ "$word" = --load ] || set -- "$@" "$word"; done
DOCKER_BUILDKIT=1 exec OLDER_CLIENT build --network host "$@"
"""
WGET = """#!/bin/sh
# setup.sh fetches conda's installer with `wget -nv URL -O FILE`
while [ "$1" != -O ]; do shift; done
printf '#!/bin/sh\\nmkdir -p /root/miniforge3/bin && cp /usr/local/lib/mamba /root/miniforge3/bin\\n' > "$2"
"""
MAMBA = """#!/bin/bash
ENVIRONMENT=/root/miniforge3/envs/otter-env
case "$1 $2" in
"env create")
    python3 -m venv --without-pip $ENVIRONMENT
    echo /opt/packages/site-packages > $ENVIRONMENT/lib/python3.11/site-packages/packages.pth
    ;;
"shell hook") echo "mamba() { export PATH=$ENVIRONMENT/bin:\\$PATH; }" ;;
esac
"""


def missing() -> str:
    """Why no engine can be started here; "" when one can."""
    if os.geteuid() != 0:
        return "an engine can be started by root only"
    if sys.version_info[:2] != PYTHON:
        return f"the base image has Python {PYTHON[0]}.{PYTHON[1]}"
    programs = [name for name in ("dockerd", "docker", "debootstrap") if shutil.which(name) is None]
    return f"not installed: {', '.join(programs)} (Debian: docker.io, debootstrap)" if programs else ""


@contextlib.contextmanager
def engine(folder: Path) -> Iterator[dict[str, str]]:
    """Run an engine whose files lie in `folder`; yields the environment with which `docker` finds it.

    Raises:
        RuntimeError: the engine does not start, with what it said.
    """
    socket = f"unix://{folder}/docker.sock"
    plugins = folder / "config" / "cli-plugins"
    plugins.mkdir(parents=True)
    environment = {**os.environ, "DOCKER_HOST": socket}
    if subprocess.run(["docker", "buildx", "version"], capture_output=True, check=False).returncode:
        (plugins / "docker-buildx").write_text(BUILDX.replace("OLDER_CLIENT", "/usr/bin/docker"))
        (plugins / "docker-buildx").chmod(0o755)
        environment["DOCKER_CONFIG"] = str(plugins.parent)
    command = ["dockerd", "--iptables=false", "--bridge=none", "--host", socket]
    places = ["--data-root", folder / "data", "--exec-root", folder / "run", "--pidfile", folder / "pid"]
    with (folder / "log").open("w") as log:
        daemon = subprocess.Popen([*command, *map(str, places)], stdout=log, stderr=log)
    try:
        for _ in range(60):
            if subprocess.run(["docker", "info"], env=environment, capture_output=True, check=False).returncode == 0:
                break
            if daemon.poll() is not None:
                raise RuntimeError((folder / "log").read_text()[-500:])
            time.sleep(1)
        yield environment
    finally:
        daemon.terminate()
        daemon.wait(60)


def import_base(name: str, folder: Path, environment: dict[str, str]) -> None:
    """Make the base image `name`: Debian bookworm, the machine's certificates, this Python's packages, stand-ins."""
    root = folder / "base"
    include = "--include=ca-certificates,python3,python3-venv"
    subprocess.run(["debootstrap", "--variant=minbase", include, "bookworm", root], check=True, capture_output=True)
    shutil.copy("/etc/ssl/certs/ca-certificates.crt", root / "etc/ssl/certs/ca-certificates.crt")
    for path, script in (("usr/local/bin/wget", WGET), ("usr/local/lib/mamba", MAMBA)):
        (root / path).write_text(script)
        (root / path).chmod(0o755)
    load = subprocess.Popen(["docker", "import", "-", name], stdin=subprocess.PIPE, env=environment)
    with tarfile.open(fileobj=load.stdin, mode="w|") as archive:
        archive.add(root, ".")
        for path in PACKAGES.iterdir():
            if not path.name.startswith((*NOT_NEEDED, "__editable__")):
                archive.add(path, f"opt/packages/site-packages/{path.name}")
    load.stdin.close()
    if load.wait() != 0:
        raise RuntimeError(f"docker import: exit status {load.returncode}")
