"""Luma's own client for its Agents API."""

from jobs import FRAMES, IMAGE, MUG, TABLE, TEXT, Job
from oldest import LONG_BASE64, PIXEL, B
from recorder import Reply
from waiting import download, until

CLIENT = "luma-agents"
PROVIDER = "luma"
HOW = "env LUMA_BASE_URL (used here) or Luma(base_url=...)"
TLS = False
MODEL = "ray-3.2"


def environ(base):
    return {"LUMA_BASE_URL": base + "/v1", "LUMA_AGENTS_API_KEY": "luma-api-test"}


def answer(request, earlier, base):
    path = request.path
    if path == "/v1/files":
        upload = {
            "url": base + "/put",
            "method": "PUT",
            "headers": {"content-type": request.json()["mime_type"]},
        }
        return Reply(
            {
                "file": {"id": "f1", "state": "pending"},
                "upload": {**upload, "expires_at": "2100-01-01T00:00:00Z"},
            }
        )
    if path == "/put":
        return Reply()
    if path.startswith("/v1/files/"):
        return Reply({"id": "f1", "state": "ready"})
    done = request.method == "GET"
    generation = {"id": "g1", "created_at": "2026-11-22T00:00:00Z", "model": MODEL, "type": "video"}
    return Reply(
        {
            **generation,
            "state": "completed" if done else "queued",
            "output": [{"type": "video", "url": base + "/c"}],
        },
        status=200 if done else 201,
    )


def connect(base):
    from luma_agents import Luma

    return Luma(max_retries=0)


def first(base):
    client = connect(base)
    client.files.create(mime_type="image/png", size_bytes=len(PIXEL), filename="ref.png", purpose="input")
    client.files.complete("f1")
    client.generations.create(
        prompt="p",
        aspect_ratio="16:9",
        model=MODEL,
        type="video",
        user_id="u1",
        video={"resolution": "720p", "duration": "5s"},
    )
    client.generations.create(
        prompt="p",
        model=MODEL,
        type="video",
        video={
            "resolution": "720p",
            "duration": "5s",
            "start_frame": {"file_id": "f1"},
            "end_frame": {"url": B},
        },
    )
    client.generations.create(
        prompt="p",
        model=MODEL,
        type="video",
        video={
            "resolution": "720p",
            "duration": "10s",
            "keyframes": [{"data": LONG_BASE64, "media_type": "image/png"}, {"url": B}],
            "keyframe_indexes": [0, 240],
        },
    )
    client.generations.get("g1")


def uploaded(client, picture):
    """Three steps; the client has no call for the middle one."""
    import httpx

    started = client.files.create(
        mime_type=picture.mime, size_bytes=len(picture.bytes), filename=picture.file, purpose="input"
    )
    how = started.upload
    httpx.request(
        how.method, how.url, headers=dict(how.headers or {}), content=picture.bytes
    ).raise_for_status()
    client.files.complete(started.file.id)
    return {"file_id": started.file.id}


def jobs(client):
    def by_url(picture):
        return {"url": picture.url}

    def by_data(picture):
        return {"data": picture.base64, "media_type": picture.mime}

    def by_upload(picture):
        return uploaded(client, picture)

    def make(route, transport, prompt, form=None, last=False, seconds=5):
        def submit():
            video = {"resolution": "720p", "duration": f"{seconds}s"}
            if form and seconds == 5:
                video["start_frame"] = form(MUG)
                if last:
                    video["end_frame"] = form(TABLE)
            elif form:
                # First and last as start and end are for 5 s clips; longer ones take keyframes,
                # counted in frames at 24 a second.
                video["keyframes"] = [form(MUG), form(TABLE)] if last else [form(MUG)]
                video["keyframe_indexes"] = [0, seconds * 24] if last else [0]
            return client.generations.create(
                prompt=prompt, aspect_ratio="16:9", model=MODEL, type="video", video=video
            )

        return Job(route, transport, MODEL, submit, seconds=seconds)

    return [
        make("text", "none", TEXT),
        make("image", "url", IMAGE, by_url),
        make("image", "base64", IMAGE, by_data),
        make("image", "upload", IMAGE, by_upload),
        make("frames", "url", FRAMES, by_url, last=True),
        make("frames", "base64", FRAMES, by_data, last=True),
        make("frames", "url", FRAMES, by_url, last=True, seconds=10),
    ]


def poll(client, created):
    return until(lambda: client.generations.get(created.id), lambda one: one.state, "completed", {"failed"})


def fetch(client, generation):
    return download(generation.output[0].url)
