"""Google's own client, for Veo. Version 1.x: from 3.x on it refuses videos for API keys."""

import tempfile
from pathlib import Path

from jobs import FRAMES, IMAGE, MUG, TABLE, TEXT, Job, mentions
from oldest import LONG, PIXEL
from recorder import Reply
from waiting import until

CLIENT = "google-genai"
PROVIDER = "google"
HOW = (
    "genai.Client(http_options=HttpOptions(base_url=...)) or env GOOGLE_GEMINI_BASE_URL (env used here). "
    "SDK 1.x: Developer API still uses models/*:predictLongRunning"
)
# Where a clip is reached over plain http, the client misreads its address.
TLS = True
MODEL = "veo-3.1-generate-preview"
FAST = "veo-3.1-fast-generate-preview"


def environ(base):
    return {"GOOGLE_GEMINI_BASE_URL": base, "GEMINI_API_KEY": "AIza-test"}


def answer(request, earlier, base):
    path = request.path
    if path == "/upload/v1beta/files":
        return Reply(
            {}, headers={"X-Goog-Upload-URL": base + "/upload-session/1", "X-Goog-Upload-Status": "active"}
        )
    if path == "/upload-session/1":
        file = {
            "name": "files/f1",
            "uri": base + "/v1beta/files/f1",
            "mimeType": "image/png",
            "state": "ACTIVE",
        }
        return Reply({"file": file}, headers={"X-Goog-Upload-Status": "final"})
    if ":download" in path:
        return Reply(b"clip")
    name = f"models/{MODEL}/operations/op1"
    if request.method == "GET":
        sample = {"video": {"uri": base + "/v1beta/files/f1:download?alt=media"}}
        return Reply(
            {
                "name": name,
                "done": True,
                "response": {"generateVideoResponse": {"generatedSamples": [sample]}},
            }
        )
    return Reply({"name": name})


def connect(base):
    from google import genai

    return genai.Client()


def first(base):
    from google.genai import types

    client = connect(base)
    picture = types.Image(image_bytes=LONG, mime_type="image/png")
    asset = types.VideoGenerationReferenceImage(image=picture, reference_type="ASSET")
    operation = client.models.generate_videos(
        model=MODEL,
        prompt="p",
        config=types.GenerateVideosConfig(
            number_of_videos=1,
            duration_seconds=8,
            aspect_ratio="16:9",
            resolution="720p",
            person_generation="allow_adult",
            negative_prompt="n",
        ),
    )
    client.models.generate_videos(
        model=MODEL,
        prompt="p",
        image=picture,
        config=types.GenerateVideosConfig(
            duration_seconds=8,
            last_frame=picture,
            webhook_config=types.WebhookConfig(uris=["https://example.com/wh"], user_metadata={"job": "j1"}),
        ),
    )
    client.models.generate_videos(
        model=MODEL,
        prompt="p",
        config=types.GenerateVideosConfig(duration_seconds=8, reference_images=[asset, asset]),
    )
    operation = client.operations.get(operation)
    client.files.download(file=operation.response.generated_videos[0].video)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "ref.png"
        path.write_bytes(PIXEL)
        client.files.upload(file=path)


def jobs(client):
    from google.genai import types

    def image(picture):
        return types.Image(image_bytes=picture.bytes, mime_type=picture.mime)

    def asset(picture):
        return types.VideoGenerationReferenceImage(image=image(picture), reference_type="ASSET")

    def make(route, prompt, first=None, **config):
        def submit():
            whole = types.GenerateVideosConfig(
                duration_seconds=8, aspect_ratio="16:9", resolution="720p", **config
            )
            return client.models.generate_videos(model=FAST, prompt=prompt, image=first, config=whole)

        return Job(route, "base64" if route != "text" else "none", FAST, submit, seconds=8)

    return [
        make("text", TEXT),
        make("image", IMAGE, image(MUG)),
        make("frames", FRAMES, image(MUG), last_frame=image(TABLE)),
        make("references", mentions("{name}"), reference_images=[asset(MUG), asset(TABLE)]),
    ]


def poll(client, operation):
    done = until(lambda: client.operations.get(operation), lambda one: one.done, True, set())
    if done.error:
        raise RuntimeError(f"the operation ended with {done.error}")
    return done


def fetch(client, operation):
    return client.files.download(file=operation.response.generated_videos[0].video)
