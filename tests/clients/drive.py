"""Drives the simulator with the official clients: submit, poll to the end, fetch the clip.

    drive.py --simulator "target/debug/kinora simulate" [NAME...] [--all]

For each client it runs the command with `--provider NAME --port 0`, reads the address from the
first line of its standard output (`{"provider": …, "url": …}`), and makes one job for each route and
way that pictures travel; `--all` makes every job of providers/. The clients are as they come from
PyPI; only the address differs. Exits with 1 when a step of any of them failed.
"""

import argparse
import importlib
import importlib.metadata
import json
import select
import shlex
import subprocess
import sys
import tempfile
import threading
import traceback
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import environments
import loopback

import providers

# A clip of some seconds is larger than this; less is a stub or an error page.
SMALLEST_CLIP = 10_000
# For the simulator's first line.
START_S = 60
# For all jobs of one client.
CLIENT_S = 900


def main():
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("names", nargs="*", metavar="NAME", help=", ".join(providers.NAMES))
    arguments.add_argument("--simulator", help="the command that `--provider NAME --port 0` follows")
    arguments.add_argument("--all", action="store_true", help="every job, not one a route and transport")
    arguments.add_argument("--one", metavar="URL", help=argparse.SUPPRESS)
    given = arguments.parse_args()
    names = given.names or providers.NAMES
    if unknown := set(names) - set(providers.NAMES):
        arguments.error(f"no such client: {', '.join(sorted(unknown))}")
    if given.one:
        return drive(names[0], given.one, given.all)
    if not given.simulator:
        arguments.error("--simulator is needed")
    print(line("client", "version", "job", "by", "submit", "poll", "fetch"), flush=True)
    failures, left_out = [], 0
    for name in names:
        for result in against_simulator(name, shlex.split(given.simulator), given.all):
            steps = [result["steps"].get(step, "-") for step in ("submit", "poll", "fetch")]
            print(line(result["client"], result["version"], result["job"], result["by"], *steps), flush=True)
            if result["error"]:
                failures.append(result)
            left_out += result["job"].startswith("left out")
    for result in failures:
        print(f"\n{result['client']} {result['job']}: {result['error']}", file=sys.stderr)
    rest = f", {left_out} left out" if left_out else ""
    print(f"\n{len(failures)} failed{rest}" if failures else f"\nall clients are satisfied{rest}")
    return 1 if failures else 0


def line(client, version, job, by, submit, poll, fetch):
    return f"{client:24}{version:10}{job:58}{by:8}{submit:8}{poll:8}{fetch}"


def against_simulator(name, simulator, every):
    """The results of one client: a dict for each job."""
    module = importlib.import_module(f"providers.{name}")
    try:
        environments.python_of(module)
    except environments.NotInstalled as missing:
        return [{**about(module), "job": f"left out: {missing}", "by": "", "steps": {}, "error": None}]
    command = [*simulator, "--provider", module.PROVIDER, "--port", "0"]
    try:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    except OSError as error:
        return [failed(module, "simulator", f"{shlex.join(command)}: {error}")]
    try:
        return in_own_process(name, module, address(process, command), every)
    except Exception as error:
        return [failed(module, "simulator", str(error))]
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()


def address(process, command):
    """What the simulator's first line says."""
    if not select.select([process.stdout], [], [], START_S)[0]:
        raise RuntimeError(f"`{shlex.join(command)}` said nothing for {START_S} s")
    said = process.stdout.readline()
    # Whatever it says later must not fill the pipe.
    threading.Thread(target=process.stdout.read, daemon=True).start()
    try:
        return json.loads(said)["url"].rstrip("/")
    except (ValueError, KeyError, TypeError):
        raise RuntimeError(f"`{shlex.join(command)}` began with {said!r}, not with its address") from None


def in_own_process(name, module, url, every):
    """Runs the client by itself, with nothing of this machine's environment but what it needs."""
    with tempfile.TemporaryDirectory() as folder:
        environment = environments.clean()
        proxy = loopback.Proxy(url, folder) if module.TLS else None
        if proxy:
            url = proxy.base
            environment["SSL_CERT_FILE"] = loopback.authority(folder)
        command = [
            environments.python_of(module),
            __file__,
            "--one",
            url,
            name,
            *(["--all"] if every else []),
        ]
        try:
            done = subprocess.run(
                command,
                env={**environment, **module.environ(url)},
                capture_output=True,
                text=True,
                timeout=CLIENT_S,
            )
        except subprocess.TimeoutExpired:
            return [failed(module, "all jobs", f"not at an end after {CLIENT_S} s")]
        finally:
            if proxy:
                proxy.close()
    results = [json.loads(row) for row in done.stdout.splitlines() if row.startswith("{")]
    if done.returncode != 0 or not results:
        results.append(failed(module, "the client itself", done.stderr.strip()[-2000:] or "it said nothing"))
    return results


def failed(module, job, error):
    return {**about(module), "job": job, "by": "", "steps": {}, "error": error}


def about(module):
    try:
        version = importlib.metadata.version(module.CLIENT)
    except importlib.metadata.PackageNotFoundError:  # it has an environment of its own
        version = "-"
    return {"client": module.CLIENT, "version": version}


def drive(name, url, every):
    """In a process of its own: makes the jobs and prints a line of JSON for each."""
    module = importlib.import_module(f"providers.{name}")
    client = module.connect(url)
    seen = set()
    for job in module.jobs(client):
        if not every and (job.route, job.transport) in seen:
            continue
        seen.add((job.route, job.transport))
        steps, error = make(module, client, job)
        by = job.transport if job.pictures else ""
        print(
            json.dumps(
                {
                    **about(module),
                    "job": f"{job.route}, {job.model}",
                    "by": by,
                    "steps": steps,
                    "error": error,
                }
            )
        )
        sys.stdout.flush()
    return 0


def make(module, client, job):
    """One job from its submission to its clip: how each step went, and the first error."""
    steps = {}
    value = None
    calls = {
        "submit": lambda _: job.submit(),
        "poll": lambda submitted: module.poll(client, submitted),
        "fetch": lambda finished: module.fetch(client, finished),
    }
    for step, call in calls.items():
        try:
            value = call(value)
            if step == "fetch":
                steps[step] = checked(value)
            else:
                steps[step] = "ok"
        except Exception as error:
            steps[step] = "failed"
            where = traceback.extract_tb(error.__traceback__)[-1]
            return (
                steps,
                f"{step}: {type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno})",
            )
    return steps, None


def checked(clip):
    if clip[4:8] != b"ftyp":
        raise RuntimeError(f"not an MP4: {clip[:40]!r}")
    if len(clip) <= SMALLEST_CLIP:
        raise RuntimeError(f"an MP4 of only {len(clip)} bytes")
    return f"ok, {len(clip)} bytes"


if __name__ == "__main__":
    sys.exit(main())
