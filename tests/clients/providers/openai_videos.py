"""OpenAI's own client, for the `/v1/videos` that self-hosted servers speak."""

import warnings

from jobs import IMAGE, MUG, TEXT, Job
from oldest import LONG_URI, PIXEL, A
from recorder import Reply
from waiting import until

CLIENT = "openai"
PROVIDER = "openai-videos"
HOW = (
    "OpenAI(base_url=...) or env OPENAI_BASE_URL (env used here). videos.* methods carry a deprecation warning "
    "(Sora API shutdown 2026-09-24)."
)
TLS = False
# A model that people serve themselves.
WAN = "Wan-AI/Wan2.2-I2V"


def environ(base):
    return {"OPENAI_BASE_URL": base + "/v1", "OPENAI_API_KEY": "sk-test"}


def answer(request, earlier, base):
    video = {"id": "video_1", "object": "video", "model": "m", "status": "completed", "progress": 100}
    if request.path.endswith("/content"):
        return Reply(b"clip")
    if request.method == "GET" and "?" in request.path:
        return Reply({"object": "list", "data": [video], "has_more": False})
    return Reply({**video, "created_at": 1, "seconds": "4", "size": "1280x720"})


def connect(base):
    from openai import OpenAI

    warnings.simplefilter("ignore", DeprecationWarning)
    return OpenAI(max_retries=0)


def first(base):
    client = connect(base)
    file = ("ref.png", PIXEL, "image/png")
    client.videos.create(prompt="p", model="sora-2", seconds="4", size="1280x720")
    client.videos.create(prompt="p", model="sora-2", seconds="8", size="1280x720", input_reference=file)
    reference = {"image_url": LONG_URI}
    client.post(
        "/videos", body={"model": "sora-2", "prompt": "p", "input_reference": reference}, cast_to=object
    )
    client.videos.create(
        prompt="p",
        model=WAN,
        seconds="4",
        size="832x480",
        input_reference=file,
        extra_body={
            "num_inference_steps": "8",
            "negative_prompt": "n",
            "image_reference": '{"image_url":"' + A + '"}',
        },
    )
    client.videos.retrieve("video_1")
    client.videos.download_content("video_1")
    client.videos.list(limit=10, order="desc")
    client.videos.delete("video_1")


def jobs(client):
    file = (MUG.file, MUG.bytes, MUG.mime)
    rest = {"model": WAN, "seconds": "5", "size": "1280x720"}

    def text():
        return client.videos.create(prompt=TEXT, **rest)

    def image():
        return client.videos.create(prompt=IMAGE, input_reference=file, **rest)

    def seeded():
        return client.videos.create(prompt=IMAGE, input_reference=file, extra_body={"seed": "7"}, **rest)

    return [
        Job("text", "none", WAN, text),
        Job("image", "file", WAN, image),
        Job("image", "file", WAN, seeded, seed=7),
    ]


def poll(client, created):
    return until(
        lambda: client.videos.retrieve(created.id), lambda video: video.status, "completed", {"failed"}
    )


def fetch(client, video):
    return client.videos.download_content(video.id).read()
