"""OpenRouter's own client."""

from jobs import FRAMES, IMAGE, MUG, TABLE, TEXT, Job, mentions
from oldest import A, B
from recorder import Reply
from waiting import until

CLIENT = "openrouter"
PROVIDER = "openrouter"
HOW = 'OpenRouter(server_url=".../api/v1")'
TLS = False
MODEL = "bytedance/seedance-2.0"


def environ(base):
    return {}


def answer(request, earlier, base):
    path = request.path
    if path == "/api/v1/videos/models":
        return Reply({"data": []})
    if "/content" in path:
        return Reply(b"clip", headers={"Content-Type": "video/mp4"})
    job = {"id": "gen-vid-1", "polling_url": base + "/api/v1/videos/gen-vid-1"}
    if request.method == "GET":
        return Reply(
            {
                **job,
                "status": "completed",
                "unsigned_urls": [base + "/api/v1/videos/gen-vid-1/content?index=0"],
            }
        )
    return Reply({**job, "status": "pending"}, status=202)


def connect(base):
    from openrouter import OpenRouter

    return OpenRouter(server_url=base + "/api/v1", api_key="sk-or-test")


def reference(url, **rest):
    return {"type": "image_url", "image_url": {"url": url}, **rest}


def first(base):
    videos = connect(base).video_generation
    videos.list_videos_models()
    videos.generate(
        model=MODEL,
        prompt="A mug turns on a table",
        duration=5,
        resolution="720p",
        aspect_ratio="9:16",
        seed=7,
        generate_audio=False,
    )
    videos.generate(
        model=MODEL,
        prompt="A mug turns",
        duration=5,
        resolution="720p",
        aspect_ratio="9:16",
        frame_images=[reference(A, frame_type="first_frame"), reference(B, frame_type="last_frame")],
    )
    videos.generate(
        model=MODEL,
        prompt="The mug of image 1 next to image 2",
        duration=5,
        resolution="720p",
        aspect_ratio="16:9",
        input_references=[reference(A), reference("data:image/png;base64,AAAA")],
    )
    videos.get_generation(job_id="gen-vid-1")
    videos.get_video_content(job_id="gen-vid-1").read()


def jobs(client):
    def make(route, transport, prompt, model=MODEL, **values):
        def submit():
            return client.video_generation.generate(
                model=model,
                prompt=prompt,
                duration=5,
                resolution="720p",
                aspect_ratio="16:9",
                seed=7,
                generate_audio=False,
                **values,
            )

        return Job(route, transport, model, submit, seed=7, sound=False)

    def frames(form, *types):
        return [reference(form(one), frame_type=kind) for kind, one in zip(types, (MUG, TABLE))]

    def references(form):
        return [reference(form(one)) for one in (MUG, TABLE)]

    def url(picture):
        return picture.url

    def data(picture):
        return picture.data_uri

    pair = ("first_frame", "last_frame")
    # How each model behind it wants pictures to be called is that model's matter.
    named = mentions("Image {n}")
    return [
        make("text", "none", TEXT),
        make("image", "url", IMAGE, frame_images=frames(url, "first_frame")),
        make("image", "data", IMAGE, frame_images=frames(data, "first_frame")),
        make("frames", "url", FRAMES, frame_images=frames(url, *pair)),
        make("frames", "data", FRAMES, frame_images=frames(data, *pair)),
        make("references", "url", named, input_references=references(url)),
        make("references", "data", named, input_references=references(data)),
    ]


def poll(client, created):
    bad = {"failed", "cancelled", "expired"}
    videos = client.video_generation
    return until(lambda: videos.get_generation(job_id=created.id), lambda job: job.status, "completed", bad)


def fetch(client, job):
    return client.video_generation.get_video_content(job_id=job.id).read()
