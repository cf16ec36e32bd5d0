"""Asks a real ComfyUI server everything that Kinora asks of one, and keeps the replies.

    probe.py URL            checks that the server behaves as Kinora expects
    probe.py URL --keep     also writes the replies to tests/comfyui/replies/

The replies are kept whole but for times, so that the driver's tests run on what a server really
said. Needs only Python's standard library; run.sh starts the server.
"""

import copy
import json
import re
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from pathlib import Path

HERE = Path(__file__).parent
PICTURE = HERE.parent / "conformance" / "pictures" / "mug.png"
WORKFLOW = json.loads((HERE / "workflow.json").read_text())
#: Long enough to be caught in the queue and interrupted.
LONG = 2400


class Server:
    """Talks to the server; remembers every exchange that is given a name."""

    def __init__(self, url):
        self.url = url.rstrip("/")
        self.kept = {}

    def ask(self, method, path, body=None, kind="application/json", headers=None, name=None):
        data = json.dumps(body).encode() if isinstance(body, (dict, list)) else body
        request = urllib.request.Request(self.url + path, data, {**(headers or {})}, method=method)
        if data is not None:
            request.add_header("Content-Type", kind)
        try:
            with urllib.request.urlopen(request, timeout=60) as reply:
                status, head, raw = reply.status, reply.headers, reply.read()
        except urllib.error.HTTPError as error:
            status, head, raw = error.code, error.headers, error.read()
        seen = self.seen(status, head, raw)
        if name:
            asked = {"method": method, "path": path}
            if isinstance(body, (dict, list)):
                asked["json"] = body
            self.kept[name] = {"asked": asked, **seen}
        return status, seen.get("json"), raw

    def seen(self, status, head, raw):
        kept = ("content-type", "content-disposition", "content-range", "accept-ranges")
        out = {"status": status, "headers": {key: head[key] for key in kept if head[key]}}
        try:
            out["json"] = json.loads(raw)
        except ValueError:
            out["body"] = raw.decode() if len(raw) < 2000 and raw.isascii() else f"<{len(raw)} bytes>"
        return out

    def upload(self, file, data, name=None, **fields):
        boundary = "kinora-probe"
        lines = [
            f'--{boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'
            for key, value in fields.items()
        ]
        head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="{file}"\r\n'
            "Content-Type: image/png\r\n\r\n"
        )
        body = "".join(lines).encode() + head.encode() + data + f"\r\n--{boundary}--\r\n".encode()
        return self.ask("POST", "/upload/image", body, f"multipart/form-data; boundary={boundary}", name=name)

    def submit(self, workflow, job, name=None, **rest):
        body = {"prompt": workflow, "prompt_id": job, "client_id": "kinora", **rest}
        return self.ask("POST", "/prompt", body, name=name)

    def finished(self, job, patience=120):
        """The job's history once there is one."""
        for _ in range(patience * 5):
            history = self.ask("GET", f"/history/{job}")[1]
            if history:
                return history[job]
            time.sleep(0.2)
        raise TimeoutError(f"{job} has no history after {patience} s")

    def idle(self, patience=120):
        for _ in range(patience * 5):
            queue = self.ask("GET", "/queue")[1]
            if not queue["queue_running"] and not queue["queue_pending"]:
                return
            time.sleep(0.2)
        raise TimeoutError("the queue never empties")


def workflow(picture, **changes):
    """The workflow with a picture, and `node__input=value` changed."""
    out = copy.deepcopy(WORKFLOW)
    out["load"]["inputs"]["image"] = picture
    for place, value in changes.items():
        node, key = place.split("__")
        out[node]["inputs"][key] = value
    return out


def expect(fact, what):
    if not fact:
        raise AssertionError(f"not as expected: {what}")
    print(f"  {what}")


def uploads(server):
    mug = PICTURE.read_bytes()
    seen = server.upload("mug.png", mug, name="upload", type="input", subfolder="kinora", overwrite="true")[1]
    expect(
        seen == {"name": "mug.png", "subfolder": "kinora", "type": "input"},
        "an upload answers name, subfolder, type",
    )
    same = server.upload("mug.png", mug, name="upload_same_again", type="input", subfolder="kinora")[1]
    expect(same["name"] == "mug.png", "the same bytes under the same name: the same file")
    other = server.upload(
        "mug.png", mug + b"\0", name="upload_other_bytes", type="input", subfolder="kinora"
    )[1]
    expect(other["name"] != "mug.png", "other bytes under the same name: a new name, which must be used")
    server.upload("broken.png", b"not a picture", type="input", subfolder="kinora", overwrite="true")
    outside = server.upload("mug.png", mug, name="upload_outside", type="input", subfolder="../..")
    expect(outside[0] == 400, "an upload outside its folder: 400")


def success(server):
    job = str(uuid.uuid4())
    marked = {"extra_data": {"kinora": {"job": "mug/turn/-/1"}}}
    status, seen, _ = server.submit(
        workflow("kinora/mug.png", save__filename_prefix=f"kinora/{uuid.uuid4()}"),
        job,
        name="prompt",
        **marked,
    )
    expect(status == 200 and seen["prompt_id"] == job, "a prompt id of one's own is taken and echoed")
    server.finished(job)
    history = server.ask("GET", f"/history/{job}", name="history_success")[1][job]
    expect(
        history["status"]["status_str"] == "success" and history["status"]["completed"],
        "the history says success",
    )
    outputs = history["outputs"]["save"]
    expect(
        list(outputs) == ["images", "animated"], "SaveVideo lists its clip under `images`, with `animated`"
    )
    expect(history["prompt"][3]["kinora"]["job"] == "mug/turn/-/1", "extra_data is echoed in the history")
    return job, outputs["images"][0]


def views(server, file):
    path = "/view?" + urllib.parse.urlencode(file)
    status, _, whole = server.ask("GET", path, name="view")
    expect(status == 200 and whole[4:8] == b"ftyp", f"/view gives an MP4 of {len(whole)} bytes")
    status, _, part = server.ask("GET", path, headers={"Range": "bytes=1000-"}, name="view_range")
    expect(status == 206 and whole[1000:] == part, "/view resumes with Range")
    missing = server.ask("GET", path.replace("filename=", "filename=no-"), name="view_missing")
    expect(missing[0] == 404, "a file that is not there: 404")


def unknown(server):
    seen = server.ask("GET", f"/history/{uuid.uuid4()}", name="history_unknown")
    expect(seen[:2] == (200, {}), "the history of an unknown id: 200 and {}")


def refusals(server):
    def refused(name, body, status=400, kind="application/json"):
        seen = server.ask("POST", "/prompt", body, kind, name=name)
        said = seen[1]["error"]["type"] if isinstance(seen[1], dict) and "error" in seen[1] else seen[2][:60]
        expect(seen[0] == status, f"{name}: {seen[0]}, {said}")

    good = workflow("kinora/mug.png")
    refused("refused_picture_missing", {"prompt": workflow("kinora/nowhere.png")})
    refused("refused_value_out_of_range", {"prompt": workflow("kinora/mug.png", repeat__amount=0)})
    refused(
        "refused_value_not_in_list", {"prompt": workflow("kinora/mug.png", scale__upscale_method="gentle")}
    )
    refused(
        "refused_unknown_node", {"prompt": {**good, "scale": {**good["scale"], "class_type": "NoSuchNode"}}}
    )
    refused("refused_no_class", {"prompt": {**good, "scale": {"inputs": {}}}})
    refused("refused_no_output", {"prompt": {key: good[key] for key in ("load", "scale")}})
    refused(
        "refused_input_missing",
        {"prompt": {**good, "clip": {"class_type": "CreateVideo", "inputs": {"fps": 24}}}},
    )
    refused("refused_no_prompt", {"client_id": "kinora"})
    refused("refused_not_json", b"{", status=500)


def failure(server):
    job = str(uuid.uuid4())
    expect(
        server.submit(workflow("kinora/broken.png"), job)[0] == 200,
        "a picture that can't be read is taken at first",
    )
    server.finished(job)
    history = server.ask("GET", f"/history/{job}", name="history_error")[1][job]
    expect(
        history["status"]["status_str"] == "error" and not history["status"]["completed"],
        "and ends as an error",
    )
    expect(history["status"]["messages"][-1][0] == "execution_error", "the last message is execution_error")


def queue(server):
    running, waiting, third = (str(uuid.uuid4()) for _ in range(3))
    # Sizes of its own, so that nothing comes from the server's cache.
    for number, job in enumerate((running, waiting, third)):
        long = workflow("kinora/mug.png", repeat__amount=LONG, scale__width=642 + 2 * number)
        server.submit(long, job, extra_data={"kinora": {"job": f"mug/long/-/{number}"}})
    seen = server.ask("GET", "/queue", name="queue")[1]
    expect(
        [entry[1] for entry in seen["queue_running"]] == [running],
        "the running job is in queue_running, its id second",
    )
    expect(
        [entry[1] for entry in seen["queue_pending"]] == [waiting, third], "waiting jobs are in queue_pending"
    )
    expect(
        server.ask("GET", f"/history/{running}", name="history_running")[:2] == (200, {}),
        "a running job has no history",
    )
    expect(
        server.ask("POST", "/queue", {"delete": [waiting]}, name="cancel_waiting")[0] == 200,
        "a waiting job is deleted",
    )
    expect(
        server.ask("GET", f"/history/{waiting}")[1] == {}, "it leaves no history: neither queued nor known"
    )
    server.ask("POST", "/interrupt", {"prompt_id": str(uuid.uuid4())}, name="interrupt_other")
    seen = server.ask("GET", "/queue")[1]
    expect(
        [entry[1] for entry in seen["queue_running"]] == [running],
        "interrupting another id leaves the running job alone",
    )
    expect(
        server.ask("POST", "/interrupt", {"prompt_id": running}, name="interrupt")[0] == 200,
        "the running job is interrupted",
    )
    history = server.finished(running)
    server.ask("GET", f"/history/{running}", name="history_interrupted")
    word = history["status"]["messages"][-1][0]
    expect(
        history["status"]["status_str"] == "error" and word == "execution_interrupted",
        "its history: error, execution_interrupted",
    )
    server.ask("POST", "/queue", {"clear": True}, name="queue_clear")
    server.ask("POST", "/interrupt", {})
    server.idle()
    return waiting


def duplicates(server, job, file):
    again = workflow("kinora/mug.png", save__filename_prefix=f"kinora/{uuid.uuid4()}")
    status, seen, _ = server.submit(again, job, name="prompt_same_id")
    expect(
        status == 200 and seen["prompt_id"] == job, "the same prompt id again is taken again: no protection"
    )
    server.idle()
    now = server.ask("GET", f"/history/{job}", name="history_same_id")[1][job]["outputs"]["save"]["images"][0]
    expect(now != file, "the second run takes the first one's place in the history")
    other = str(uuid.uuid4())
    server.submit(again, other)
    server.finished(other)
    cached = server.ask("GET", f"/history/{other}", name="history_cached")[1][other]
    expect(
        cached["outputs"]["save"]["images"][0] == now,
        "the same workflow under another id runs nothing: it names the same file",
    )


def order(server):
    """A job that ends between two questions must not look lost. Asked the other way round, history
    before queue, most of these jobs do."""
    lost = 0
    for _ in range(15):
        job = str(uuid.uuid4())
        server.submit(
            workflow("kinora/mug.png", repeat__amount=2, save__filename_prefix=f"kinora/{job}"), job
        )
        while True:
            queue = server.ask("GET", "/queue")[1]
            history = server.ask("GET", f"/history/{job}")[1]
            if history:
                break
            lost += all(entry[1] != job for entry in queue["queue_running"] + queue["queue_pending"])
    expect(lost == 0, "asked for the queue first and the history then, no job ever seems lost")


def settled(value, ids):
    """Without what is new every time, or belongs to the machine."""
    text = json.dumps(value)
    text = re.sub(r'"timestamp": \d+', '"timestamp": 1700000000000', text)
    text = re.sub(r"'/[^']*/input/", "'/comfyui/input/", text)
    text = re.sub(r'"traceback": \[[^\]]*\]', '"traceback": []', text)
    for found in re.findall(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", text):
        text = text.replace(found, ids.setdefault(found, str(uuid.UUID(int=1 + len(ids)))))
    return json.loads(text)


def main():
    server = Server(sys.argv[1])
    stats = server.ask("GET", "/system_stats")[1]
    version = stats["system"]["comfyui_version"]
    print(f"ComfyUI {version}, torch {stats['system']['pytorch_version']}")
    uploads(server)
    unknown(server)
    refusals(server)
    job, file = success(server)
    views(server, file)
    failure(server)
    queue(server)
    duplicates(server, job, file)
    order(server)
    if "--keep" in sys.argv[2:]:
        ids = {}
        for name, exchange in server.kept.items():
            kept = {"comfyui": version, **settled(exchange, ids)}
            (HERE / "replies" / f"{name}.json").write_text(json.dumps(kept, indent=1) + "\n")
        print(f"{len(server.kept)} replies kept")
    return 0


if __name__ == "__main__":
    sys.exit(main())
