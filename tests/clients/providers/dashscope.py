"""Alibaba's own client for Model Studio, for Wan."""

import tempfile
from pathlib import Path

from jobs import FRAMES, IMAGE, MUG, TABLE, TEXT, Job, mentions
from oldest import LONG_URI, PIXEL, A, B
from recorder import Reply
from waiting import download, until

CLIENT = "dashscope"
PROVIDER = "dashscope"
HOW = (
    "env DASHSCOPE_HTTP_BASE_URL (used here) or dashscope.base_http_api_url=... or per-call base_address=...; "
    "file:// inputs go through the getPolicy/OSS upload"
)
TLS = False


def environ(base):
    return {"DASHSCOPE_HTTP_BASE_URL": base + "/api/v1", "DASHSCOPE_API_KEY": "sk-test"}


def answer(request, earlier, base):
    path = request.path.split("?")[0]
    if path == "/api/v1/uploads":
        policy = {
            "policy": "P",
            "signature": "S",
            "upload_dir": "dashscope-instant/x",
            "upload_host": base + "/oss",
        }
        rights = {"oss_access_key_id": "AK", "x_oss_object_acl": "private", "x_oss_forbid_overwrite": "true"}
        return Reply(
            {
                "request_id": "r",
                "data": {**policy, **rights, "expire_in_seconds": 300, "max_file_size_mb": 100},
            }
        )
    if path == "/oss":
        return Reply()
    if path == "/api/v1/tasks":
        return Reply({"request_id": "r", "data": [], "total": 0, "page_no": 1, "page_size": 10})
    status = "SUCCEEDED" if request.method == "GET" else "PENDING"
    output = {"task_id": "t1", "task_status": status, "video_url": base + "/c.mp4"}
    return Reply({"request_id": "r", "output": output, "usage": {"video_count": 1}})


def connect(base):
    from dashscope import VideoSynthesis

    return VideoSynthesis


def first(base):
    client = connect(base)
    client.async_call(
        model="wan2.6-t2v",
        prompt="p",
        size="1280*720",
        duration=5,
        seed=7,
        prompt_extend=False,
        watermark=False,
    )
    client.async_call(model="wan2.6-i2v", prompt="p", img_url=A, duration=5, resolution="720P")
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "ref.png"
        path.write_bytes(PIXEL)
        client.async_call(model="wan2.6-i2v", prompt="p", img_url=f"file://{path}", resolution="720P")
    client.async_call(
        model="wan2.2-kf2v-flash", prompt="p", first_frame_url=A, last_frame_url=B, resolution="720P"
    )
    client.async_call(
        model="wan2.7-r2v",
        prompt="Image 1 holds Image 2",
        media=[{"type": "reference_image", "url": A}, {"type": "reference_image", "url": LONG_URI}],
        duration=5,
        resolution="720P",
        ratio="16:9",
    )
    client.async_call(
        model="wan2.6-r2v",
        prompt="character1 waves",
        reference_urls=[A, "https://example.com/b.mp4"],
        size="1280*720",
    )
    client.async_call(
        model="wan3.0-video",
        prompt="p",
        media=[{"type": "first_frame", "url": A}, {"type": "last_frame", "url": B}],
        duration=5,
        resolution="720P",
    )
    client.fetch("t1")
    client.cancel("t1")
    client.list(start_time="20261121000000", status="RUNNING", page_no=1, page_size=10)


def jobs(client):
    def local(picture):
        return f"file://{picture.path}"

    def make(route, transport, model, prompt, **values):
        def submit():
            reply = client.async_call(
                model=model, prompt=prompt, duration=5, seed=7, prompt_extend=False, **values
            )
            if reply.status_code != 200:
                raise RuntimeError(f"refused: {reply}")
            return reply

        return Job(route, transport, model, submit, seed=7)

    def media(form, *types):
        return [{"type": kind, "url": form(picture)} for kind, picture in zip(types, (MUG, TABLE))]

    def url(picture):
        return picture.url

    def data(picture):
        return picture.data_uri

    frames, assets = ("first_frame", "last_frame"), ("reference_image", "reference_image")
    wide, framed = {"resolution": "720P", "ratio": "16:9"}, {"resolution": "720P"}
    new = "wan3.0-video"
    pair = [MUG.url, TABLE.url]
    return [
        make("text", "none", "wan2.6-t2v", TEXT, size="1280*720"),
        make("image", "url", "wan2.6-i2v", IMAGE, img_url=MUG.url, **framed),
        make("image", "data", "wan2.6-i2v", IMAGE, img_url=MUG.data_uri, **framed),
        make("image", "upload", "wan2.6-i2v", IMAGE, img_url=local(MUG), **framed),
        make(
            "frames",
            "url",
            "wan2.2-kf2v-flash",
            FRAMES,
            first_frame_url=MUG.url,
            last_frame_url=TABLE.url,
            **framed,
        ),
        make(
            "references", "url", "wan2.6-r2v", mentions("character{n}"), reference_urls=pair, size="1280*720"
        ),
        make("references", "url", "wan2.7-r2v", mentions("Image {n}"), media=media(url, *assets), **wide),
        make("text", "none", new, TEXT, **wide),
        make("image", "url", new, IMAGE, media=media(url, "first_frame"), **framed),
        make("image", "upload", new, IMAGE, media=media(local, "first_frame"), **framed),
        make("frames", "url", new, FRAMES, media=media(url, *frames), **framed),
        make("references", "url", new, mentions("Image {n}"), media=media(url, *assets), **wide),
        make("references", "data", new, mentions("Image {n}"), media=media(data, *assets), **wide),
    ]


def poll(client, created):
    return until(
        lambda: client.fetch(created),
        lambda seen: seen.output.task_status,
        "SUCCEEDED",
        {"FAILED", "CANCELED", "UNKNOWN"},
    )


def fetch(client, seen):
    return download(seen.output.video_url)
