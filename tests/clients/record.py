"""Records what the official clients really send, for comparison with Kinora's own requests.

    record.py            records every client anew, into tests/conformance/recorded/
    record.py --check    records into a temporary folder and says where that differs from what is kept
    record.py NAME...    only these (names as in providers/__init__.py)

Two recordings a client: the calls of the first recording (`runwayml.json`), and the logical jobs of
jobs.py (`runwayml-jobs.json`), each request with its job. Clients on npm make the jobs only
(`runwayml-js-jobs.json`, see record.mjs). Nothing leaves this machine, keys are dummies. Run it
with the Python that install.sh made.
"""

import argparse
import importlib
import importlib.metadata
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import environments
import jobs
import loopback
from recorder import Recorder, Reply, entry

import providers

KEPT = HERE.parent / "conformance" / "recorded"
# The recordings that were there before this script keep their names.
FIRST_NAMES = {
    "fal-client": "fal-client-python",
    "google-genai": "google-genai-1.75-veo",
    "minimax-mcp": "minimax-mcp-v1",
    "volcengine-ark-runtime": "volcengine-ark",
}
# Clients on npm: package, the service's file in providers/, the recording's name, how it was pointed here.
NPM = {
    "runway_js": ("@runwayml/sdk", "runway", "runwayml-js", "new RunwayML({baseURL})"),
    "replicate_js": ("replicate", "replicate", "replicate-js", "new Replicate({baseUrl}), with /v1"),
    "fal_js": (
        "@fal-ai/client",
        "fal",
        "fal-client-js",
        "createFalClient({requestMiddleware}) that moves the host",
    ),
}
# Where record.mjs says that a job was submitted.
DONE = "/kinora/job"
NAMES = [*providers.NAMES, *NPM]


def main():
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    arguments.add_argument("--check", action="store_true", help="change nothing; say what differs")
    arguments.add_argument("--one", metavar="FOLDER", help=argparse.SUPPRESS)
    given = arguments.parse_args()
    names = given.names or NAMES
    if unknown := set(names) - set(NAMES):
        arguments.error(f"no such client: {', '.join(sorted(unknown))}")
    if given.one:
        return (record_npm if names[0] in NPM else record)(names[0], Path(given.one))
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) if given.check else KEPT
        failed = [name for name in names if not apart(name, target)]
        different = differences(Path(folder)) if given.check else 0
    for name in failed:
        print(f"{name}: failed", file=sys.stderr)
    return 1 if failed or different else 0


def apart(name, target):
    """Records one client in a process of its own: what one sets up must not reach another."""
    try:
        if name in NPM:
            python = sys.executable
            if not (environments.NODE / NPM[name][0]).is_dir():
                raise environments.NotInstalled(f"{NPM[name][0]} is not installed: see install.sh --node")
        else:
            python = environments.python_of(importlib.import_module(f"providers.{name}"))
    except environments.NotInstalled as missing:
        print(f"{name}: left out: {missing}", file=sys.stderr)
        return True
    command = [python, __file__, "--one", str(target), name]
    return subprocess.run(command, env=environments.clean()).returncode == 0


def record(name, target):
    module = importlib.import_module(f"providers.{name}")
    version = importlib.metadata.version(module.CLIENT)
    stem = FIRST_NAMES.get(module.CLIENT, module.CLIENT)
    with tempfile.TemporaryDirectory() as folder:
        for suffix, calls in (("", first_calls), ("-jobs", job_calls)):
            recorder = Recorder(module.answer, folder if module.TLS else None)
            if module.TLS:
                os.environ["SSL_CERT_FILE"] = loopback.authority(folder)
            os.environ.update(module.environ(recorder.base))
            for loaded in [
                one for one in sys.modules if one.split(".")[0] == module.CLIENT.replace("-", "_")
            ]:
                del sys.modules[loaded]  # addresses are read when the client is imported
            calls(module, recorder)
            recorder.close()
            sdk = f"{module.CLIENT} {version}"
            write(target / f"{stem}{suffix}.json", sdk, module.HOW, recorder, digests=bool(suffix))
    return 0


def first_calls(module, recorder):
    module.first(recorder.base)


def job_calls(module, recorder):
    client = module.connect(recorder.base)
    for job in module.jobs(client):
        start = len(recorder.requests)
        job.submit()
        mark(recorder.requests[start:], job)


def mark(made, job):
    """The last POST of a job submits it; what comes before carries pictures to where it finds them,
    and some clients go on to poll."""
    submit = max(at for at, request in enumerate(made) if request.method == "POST")
    for at, request in enumerate(made):
        request.mark = {"step": "upload" if at < submit else "poll"}
    made[submit].mark = {"step": "submit", "job": job.described()}


def record_npm(name, target):
    """The jobs of a client on npm; its service's canned replies are those of the client on PyPI."""
    package, module, stem, how = NPM[name]
    module = importlib.import_module(f"providers.{module}")

    def answer(request, earlier, base):
        return Reply() if request.path == DONE else module.answer(request, earlier, base)

    recorder = Recorder(answer)
    asked = {
        "client": name.removesuffix("_js"),
        "base": recorder.base,
        "prompts": {
            "text": jobs.TEXT,
            "image": jobs.IMAGE,
            "frames": jobs.FRAMES,
            "references": jobs.REFERENCES,
        },
        "pictures": [
            {
                "name": one.name,
                "url": one.url,
                "data_uri": one.data_uri,
                "path": str(one.path),
                "mime": one.mime,
            }
            for one in (jobs.MUG, jobs.TABLE)
        ],
    }
    node = ["node", str(HERE / "record.mjs"), json.dumps(asked)]
    subprocess.run(node, check=True, cwd=HERE.parent.parent)
    recorder.close()
    kept, made = [], []
    for request in recorder.requests:
        if request.path != DONE:
            made.append(request)
            continue
        mark(made, jobs.Job(submit=None, **json.loads(request.body)))
        kept, made = kept + made, []
    recorder.requests = kept
    version = json.loads((environments.NODE / package / "package.json").read_text())["version"]
    write(target / f"{stem}-jobs.json", f"{package} {version}", how, recorder, digests=True)
    return 0


def write(path, sdk, how, recorder, digests):
    requests = [entry(request, digests) for request in recorder.requests]
    text = json.dumps({"sdk": sdk, "how_pointed_at_loopback": how, "requests": requests}, indent=1)
    path.write_text(text.replace(f"127.0.0.1:{recorder.port}", "127.0.0.1:PORT") + "\n")
    print(f"{path.name}: {len(requests)} requests of {sdk}")


def differences(folder):
    """Prints where the new recordings differ from the kept ones, but for what is new every time."""
    count = 0
    for new in sorted(folder.glob("*.json")):
        kept = KEPT / new.name
        if not kept.exists():
            print(f"{new.name}: nothing is kept under this name")
            count += 1
            continue
        for line in compare(settled(json.loads(kept.read_text())), settled(json.loads(new.read_text())), ""):
            print(f"{new.name}: {line}")
            count += 1
    print("the recordings are as they were" if not count else f"{count} differences")
    return count


# New with every run, or with the machine: ids made by the client, the date, ports, the platform.
CHANGING = {"x-client-request-id", "date"}


def settled(value):
    if isinstance(value, dict):
        return {key: "*" if key in CHANGING else settled(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [settled(inner) for inner in value]
    if isinstance(value, str):
        value = re.sub(r"127\.0\.0\.1:\w+", "127.0.0.1:PORT", value)
        return re.sub(r"python/3\S*( platform/\S+)?", "python/3", value)
    return value


def compare(kept, new, at):
    if isinstance(kept, dict) and isinstance(new, dict):
        for key in [*kept, *(key for key in new if key not in kept)]:
            yield from compare(kept.get(key, "(absent)"), new.get(key, "(absent)"), f"{at}/{key}")
    elif isinstance(kept, list) and isinstance(new, list):
        if len(kept) != len(new):
            yield f"{at}: {len(kept)} kept, {len(new)} new"
        for index, pair in enumerate(zip(kept, new)):
            yield from compare(*pair, f"{at}/{index}")
    elif kept != new:
        yield f"{at}: kept {kept!r}, new {new!r}"


if __name__ == "__main__":
    sys.exit(main())
