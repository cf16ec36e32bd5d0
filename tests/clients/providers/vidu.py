"""Vidu's own MCP server, its only client; it knows the models before Q2. It needs Python 3.12."""

import json
import tempfile

from jobs import FRAMES, IMAGE, MUG, TABLE, TEXT, Job, mentions
from oldest import PIXEL, A, B
from recorder import Reply
from waiting import download

CLIENT = "vidu-mcp"
PROVIDER = "vidu"
HOW = "env VIDU_API_HOST (official Shengshu MCP server package 0.1.2, older models)"
TLS = False
ENVIRONMENT = "vidu"


def environ(base):
    return {"VIDU_API_HOST": base, "VIDU_API_KEY": "vidu-test"}


def answer(request, earlier, base):
    if request.method == "GET":
        creation = {"id": "c1", "url": base + "/c.mp4", "cover_url": base + "/cover"}
        return Reply({"id": "t1", "state": "success", "err_code": "", "credits": 4, "creations": [creation]})
    return Reply({"task_id": "t1", "state": "created", "credits": 4})


def connect(base):
    from vidu_mcp import server

    return server


def first(base):
    client = connect(base)
    client.generate_text_to_video(prompt="p")
    with tempfile.NamedTemporaryFile(suffix=".png") as file:
        file.write(PIXEL)
        file.flush()
        client.generate_img_to_video(image=file.name, prompt="p")
    client.generate_reference2video_to_video(images=[A, B], prompt="p")
    client.generate_startend2video_to_video(images=[A, B], prompt="p")


def jobs(client):
    # The client chooses the rest: movement, style, and music, which it always sends.
    new = {"seconds": 5, "resolution": "1080p", "aspect": None, "seed": 7}
    old = {"seconds": 4, "resolution": "720p", "aspect": "16:9", "seed": 7}
    text, image = client.generate_text_to_video, client.generate_img_to_video
    frames, references = client.generate_startend2video_to_video, client.generate_reference2video_to_video
    both = [MUG.url, TABLE.url]
    named = mentions("{name}")
    wide = {**new, "aspect": "16:9"}
    return [
        Job("text", "none", "viduq1", lambda: text(prompt=TEXT, seed=7), **wide),
        Job("image", "url", "viduq1", lambda: image(image=MUG.url, prompt=IMAGE, seed=7), **new),
        Job("image", "data", "viduq1", lambda: image(image=MUG.data_uri, prompt=IMAGE, seed=7), **new),
        Job("frames", "url", "viduq1", lambda: frames(images=both, prompt=FRAMES, seed=7), **new),
        Job("references", "url", "vidu2.0", lambda: references(images=both, prompt=named, seed=7), **old),
    ]


def poll(client, said):
    """The client polls by itself, every 20 s, and then answers in JSON, or with a sentence."""
    if not said.startswith("{"):
        raise RuntimeError(said)
    return json.loads(said)["video_url"]


def fetch(client, url):
    return download(url)
