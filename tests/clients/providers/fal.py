"""fal's own client. It speaks https only, so the loopback server needs a certificate."""

from jobs import FRAMES, IMAGE, MUG, TABLE, TEXT, Job, mentions
from oldest import PIXEL, PIXEL_URI, A
from recorder import Reply
from waiting import download

CLIENT = "fal-client"
PROVIDER = "fal"
HOW = (
    "Scheme is fixed to https: env FAL_RUN_HOST/FAL_QUEUE_RUN_HOST=127.0.0.1:PORT + env SSL_CERT_FILE=self-signed "
    "cert (TLS recorder); REST_URL and CDN_URL (uploads) have no env var and were set as module attributes "
    "fal_client.client.REST_URL/CDN_URL. Last two POSTs: SDK auto-retries a submit on 429."
)
TLS = True
SEEDANCE = "bytedance/seedance-2.0"
KLING = "fal-ai/kling-video"
KLING_REFERENCES = f"{KLING}/o3/standard/reference-to-video"


def environ(base):
    host = base.removeprefix("https://")
    return {"FAL_RUN_HOST": host, "FAL_QUEUE_RUN_HOST": host, "FAL_KEY": "kid:ksecret"}


def answer(request, earlier, base):
    path = request.path.split("?")[0]
    if path == "/storage/auth/token":
        token = {"token": "T", "token_type": "Bearer", "base_url": base}
        return Reply({**token, "expires_at": "2100-01-01T00:00:00+00:00"})
    if path == "/files/upload":
        return Reply({"access_url": "https://v3.fal.media/files/x/" + request.header("x-fal-file-name")})
    if path == "/storage/upload/initiate":
        return Reply(
            {
                "upload_url": base + "/gcs/put",
                "file_url": "https://v3.fal.media/files/x/" + request.json()["file_name"],
            }
        )
    if path == "/gcs/put":
        return Reply({})
    if path.endswith("/status"):
        return Reply({"status": "COMPLETED", "logs": [], "metrics": {}})
    if path.endswith("/cancel"):
        return Reply({"status": "CANCELLATION_REQUESTED"}, status=202)
    if request.method == "GET":
        return Reply({"video": {"url": base + "/c.mp4"}})
    if path == "/x/y" and not any(one.path == "/x/y" for one in earlier):
        return Reply({"detail": "slow down"}, status=429)
    root = "/".join(path.split("/")[:3]) + "/requests/req1"
    urls = {
        "response_url": base + root,
        "status_url": f"{base}{root}/status",
        "cancel_url": f"{base}{root}/cancel",
    }
    return Reply({"request_id": "req1", "status": "IN_QUEUE", "queue_position": 0, **urls})


def connect(base):
    import fal_client.client

    fal_client.client.REST_URL = fal_client.client.CDN_URL = base
    return fal_client.client.SyncClient()


def first(base):
    client = connect(base)
    client.submit(
        f"{SEEDANCE}/reference-to-video",
        arguments={
            "prompt": "@Image1 next to @Image2",
            "image_urls": [A, PIXEL_URI],
            "duration": "5",
            "resolution": "720p",
            "aspect_ratio": "16:9",
            "generate_audio": False,
        },
        webhook_url="https://example.com/wh?job=1",
        priority="low",
        start_timeout=600,
        headers={
            "X-Fal-No-Retry": "1",
            "X-Fal-Object-Lifecycle-Preference": '{"expiration_duration_seconds": 3600}',
        },
    )
    client.status(f"{SEEDANCE}/reference-to-video", "req1", with_logs=True)
    client.result(f"{SEEDANCE}/reference-to-video", "req1")
    client.cancel(f"{SEEDANCE}/reference-to-video", "req1")
    client.status(f"{KLING}/v2.1/standard/image-to-video", "req1")
    client.cancel(f"{KLING}/v2.1/standard/image-to-video", "req1")
    client.upload(PIXEL, "image/png", file_name="ref.png")
    client.upload(PIXEL, "image/png", file_name="ref.png", repository="fal")
    client.submit("x/y", arguments={"prompt": "p"})


def jobs(client):
    rest = {"duration": "5", "resolution": "720p", "aspect_ratio": "16:9", "generate_audio": False, "seed": 7}
    kling = {"duration": "5", "aspect_ratio": "16:9", "generate_audio": False}
    veo = {"duration": "8s", "resolution": "720p", "aspect_ratio": "16:9", "generate_audio": False}

    def uploaded(picture):
        return client.upload_file(picture.path)

    def seedance(route, transport, endpoint, values):
        def submit():
            return client.submit(f"{SEEDANCE}/{endpoint}", arguments={**values(), **rest})

        return Job(route, transport, f"{SEEDANCE}/{endpoint}", submit, seed=7, sound=False)

    def other(route, endpoint, settings, values, **described):
        def submit():
            return client.submit(endpoint, arguments={**values, **settings})

        return Job(route, "url" if route != "text" else "none", endpoint, submit, sound=False, **described)

    image, references = {"prompt": IMAGE}, {"prompt": mentions("@Image{n}")}
    frames = {"prompt": FRAMES, "image_url": MUG.url, "end_image_url": TABLE.url}

    def both(form):
        return {**references, "image_urls": [form(picture) for picture in (MUG, TABLE)]}

    def url(picture):
        return picture.url

    def data(picture):
        return picture.data_uri

    return [
        seedance("text", "none", "text-to-video", lambda: {"prompt": TEXT}),
        seedance("image", "url", "image-to-video", lambda: {**image, "image_url": MUG.url}),
        seedance("image", "data", "image-to-video", lambda: {**image, "image_url": MUG.data_uri}),
        seedance("image", "upload", "image-to-video", lambda: {**image, "image_url": uploaded(MUG)}),
        seedance("frames", "url", "image-to-video", lambda: frames),
        seedance("references", "url", "reference-to-video", lambda: both(url)),
        seedance("references", "data", "reference-to-video", lambda: both(data)),
        seedance("references", "upload", "reference-to-video", lambda: both(uploaded)),
        other("references", KLING_REFERENCES, kling, both(url), resolution=None),
        other("text", "fal-ai/veo3.1", veo, {"prompt": TEXT}, seconds=8),
        other("image", "fal-ai/veo3.1/image-to-video", veo, {**image, "image_url": MUG.url}, seconds=8),
    ]


def poll(client, handle):
    return handle.get(interval=0.3)


def fetch(client, result):
    return download(result["video"]["url"])
