"""MiniMax's own MCP server, which is its only client for videos; it speaks the older /v1."""

import re

from jobs import IMAGE, MUG, TEXT, Job
from oldest import PIXEL
from recorder import Reply
from waiting import download, until

CLIENT = "minimax-mcp"
PROVIDER = "minimax-v1"
HOW = "env MINIMAX_API_HOST (official MCP server package; uses the older /v1 API, not /v2 MiniMax-H3)"
TLS = False
MODEL = "MiniMax-Hailuo-2.3"


def environ(base):
    return {"MINIMAX_API_HOST": base, "MINIMAX_API_KEY": "mm-test"}


def answer(request, earlier, base):
    good = {"base_resp": {"status_code": 0, "status_msg": "success"}}
    if request.path.startswith("/v1/query/"):
        return Reply({**good, "task_id": "106", "status": "Success", "file_id": "205"})
    if request.path.startswith("/v1/files/"):
        return Reply({**good, "file": {"file_id": 205, "download_url": base + "/c.mp4"}})
    return Reply({**good, "task_id": "106"})


def connect(base):
    from minimax_mcp import server

    return server


def first(base):
    import tempfile

    client = connect(base)
    client.generate_video(prompt="p", duration=6, resolution="768P")
    with tempfile.NamedTemporaryFile(suffix=".png") as file:
        file.write(PIXEL)
        file.flush()
        client.generate_video(
            prompt="p", first_frame_image=file.name, duration=6, resolution="768P", async_mode=True
        )


def jobs(client):
    def make(route, transport, prompt, picture=None):
        def submit():
            return said(
                client.generate_video(
                    model=MODEL,
                    prompt=prompt,
                    first_frame_image=picture,
                    duration=6,
                    resolution="768P",
                    async_mode=True,
                ),
                r"Task ID: ([^\s.]+)",
            )

        return Job(route, transport, MODEL, submit, seconds=6, resolution="768p", aspect=None)

    return [
        make("text", "none", TEXT),
        make("image", "url", IMAGE, MUG.url),
        make("image", "data", IMAGE, MUG.data_uri),
    ]


def said(content, pattern):
    """The client answers in sentences, errors too; what the pattern finds in one."""
    found = re.search(pattern, content.text)
    if not found:
        raise RuntimeError(content.text)
    return found.group(1)


def poll(client, task):
    def word(content):
        return next(
            (word for word in ("still processing", "FAILED", "Success") if word in content.text), content.text
        )

    done = until(lambda: client.query_video_generation(task), word, "Success", {"FAILED"})
    return said(done, r"Video URL: (\S+)")


def fetch(client, url):
    return download(url)
