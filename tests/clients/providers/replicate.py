"""Replicate's own client."""

import tempfile
from pathlib import Path

from jobs import FRAMES, IMAGE, MUG, TABLE, TEXT, Job, mentions
from oldest import PIXEL, A
from recorder import Reply
from waiting import download

CLIENT = "replicate"
PROVIDER = "replicate"
HOW = "Client(base_url=...) or env REPLICATE_BASE_URL (env used here). Last POST got 429: SDK does not retry POST."
TLS = False
SEEDANCE_1 = "bytedance/seedance-1-pro"
SEEDANCE_2 = "bytedance/seedance-2.0"


def environ(base):
    return {"REPLICATE_BASE_URL": base, "REPLICATE_API_TOKEN": "r8_test", "REPLICATE_POLL_INTERVAL": "0.3"}


def answer(request, earlier, base):
    path = request.path
    prediction = {
        "id": "p1",
        "model": "m",
        "version": "v",
        "status": "succeeded",
        "input": {},
        "output": base + "/c.mp4",
        "logs": "",
        "error": None,
        "metrics": None,
        "created_at": "2026-11-22T00:00:00Z",
        "started_at": None,
        "completed_at": None,
        "urls": {"get": base + "/v1/predictions/p1", "cancel": base + "/v1/predictions/p1/cancel"},
    }
    if path == "/v1/files":
        file = {
            "id": "f1",
            "name": "ref.png",
            "content_type": "image/png",
            "size": 70,
            "etag": "e",
            "checksums": {},
        }
        return Reply(
            {
                **file,
                "metadata": {},
                "created_at": "",
                "expires_at": None,
                "urls": {"get": base + "/v1/files/f1"},
            }
        )
    if path == "/v1/webhooks/default/secret":
        return Reply({"key": "whsec_x"})
    if path == "/v1/account":
        return Reply({"type": "user", "username": "u", "name": "n", "github_url": None})
    if path == "/v1/models/x/y/predictions":
        return Reply({"detail": "Request was throttled. Your rate limit resets in ~30s."}, status=429)
    if request.method == "GET" and path == "/v1/predictions":
        return Reply({"previous": None, "next": None, "results": [prediction]})
    return Reply(prediction, status=201 if request.method == "POST" and path.endswith("predictions") else 200)


def connect(base):
    import replicate

    return replicate.Client()


def first(base):
    from replicate.exceptions import ReplicateError

    client = connect(base)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "ref.png"
        path.write_bytes(PIXEL)
        with path.open("rb") as file:
            client.models.predictions.create(
                SEEDANCE_1,
                input={"prompt": "p", "image": file, "duration": 5, "resolution": "720p"},
                webhook="https://example.com/wh",
                webhook_events_filter=["completed"],
            )
        with path.open("rb") as file:
            client.models.predictions.create(
                SEEDANCE_1, input={"prompt": "p", "image": file}, file_encoding_strategy="base64"
            )
    client.models.predictions.create("kwaivgi/kling-v2.1", input={"prompt": "p", "start_image": A}, wait=5)
    client.predictions.create(version="a" * 64, input={"prompt": "p"})
    prediction = client.predictions.get("p1")
    prediction.cancel()
    client.predictions.list()
    client.webhooks.default.secret()
    client.accounts.current()
    try:
        client.models.predictions.create("x/y", input={"prompt": "p"})
    except ReplicateError:
        pass


def jobs(client):
    def make(model, **values):
        return lambda: client.models.predictions.create(
            model, input={key: value() if callable(value) else value for key, value in values.items()}
        )

    def uploaded(picture):
        return lambda: client.files.create(picture.path).urls["get"]

    rest = {"duration": 5, "resolution": "720p", "aspect_ratio": "16:9", "seed": 7}
    references = {"prompt": mentions("[Image{n}]"), "reference_images": [MUG.url, TABLE.url]}
    return [
        Job("text", "none", SEEDANCE_1, make(SEEDANCE_1, prompt=TEXT, **rest), seed=7),
        Job("image", "url", SEEDANCE_1, make(SEEDANCE_1, prompt=IMAGE, image=MUG.url, **rest), seed=7),
        Job("image", "data", SEEDANCE_1, make(SEEDANCE_1, prompt=IMAGE, image=MUG.data_uri, **rest), seed=7),
        Job(
            "image", "upload", SEEDANCE_1, make(SEEDANCE_1, prompt=IMAGE, image=uploaded(MUG), **rest), seed=7
        ),
        Job(
            "frames",
            "url",
            SEEDANCE_1,
            make(SEEDANCE_1, prompt=FRAMES, image=MUG.url, last_frame_image=TABLE.url, **rest),
            seed=7,
        ),
        Job("text", "none", SEEDANCE_2, make(SEEDANCE_2, prompt=TEXT, **rest), seed=7),
        Job("image", "url", SEEDANCE_2, make(SEEDANCE_2, prompt=IMAGE, image=MUG.url, **rest), seed=7),
        Job(
            "frames",
            "url",
            SEEDANCE_2,
            make(SEEDANCE_2, prompt=FRAMES, image=MUG.url, last_frame_image=TABLE.url, **rest),
            seed=7,
        ),
        Job("references", "url", SEEDANCE_2, make(SEEDANCE_2, **references, **rest), seed=7),
    ]


def poll(client, prediction):
    prediction.wait()
    if prediction.status != "succeeded":
        raise RuntimeError(f"the job ended as {prediction.status!r}: {prediction.error}")
    return prediction


def fetch(client, prediction):
    output = prediction.output
    return download(output if isinstance(output, str) else output[0])
