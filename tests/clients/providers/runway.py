"""Runway's own client."""

from jobs import FRAMES, IMAGE, MUG, TABLE, TEXT, Job, mentions
from oldest import LONG_URI, PIXEL, A
from recorder import Reply
from waiting import download, until

CLIENT = "runwayml"
PROVIDER = "runway"
HOW = (
    "RunwayML(base_url=...) or env RUNWAYML_BASE_URL (both work; last three POSTs show SDK auto-retry "
    "503 -> 429 -> 200, no idempotency header)"
)
TLS = False
TASK = "17f20503-6c24-4c16-946b-35dbbce2af2f"


def environ(base):
    return {"RUNWAYML_BASE_URL": base, "RUNWAYML_API_SECRET": "key_test"}


def answer(request, earlier, base):
    path = request.path
    if path == "/v1/uploads":
        return Reply(
            {
                "uploadUrl": base + "/s3-bucket",
                "fields": {"key": "k1", "policy": "p", "x-amz-signature": "s"},
                "runwayUri": "runway://abc",
            }
        )
    if path == "/s3-bucket":
        return Reply(status=204)
    if path == "/v1/organization":
        return Reply(
            {"creditBalance": 1, "tier": {"maxMonthlyCreditSpend": 1, "models": {}}, "usage": {"models": {}}}
        )
    if request.method == "GET":
        return Reply(
            {"id": TASK, "status": "SUCCEEDED", "createdAt": "2026-11-22T00:00:00Z", "output": [base + "/c"]}
        )
    if request.method == "DELETE":
        return Reply(status=204)
    if b"gen4_turbo" in request.body:
        tries = sum(b"gen4_turbo" in one.body for one in earlier)
        return Reply({"id": TASK, "error": "later"}, status=[503, 429, 200][min(tries, 2)])
    return Reply({"id": TASK, "estimatedCost": {"credits": 60}})


def connect(base, **options):
    from runwayml import RunwayML

    return RunwayML(**options)


def first(base):
    client = connect(base, max_retries=0)
    image, text = client.image_to_video, client.text_to_video
    uri = client.uploads.create_ephemeral(file=("ref.png", PIXEL, "image/png")).uri
    image.create(
        model="gen4.5", prompt_image=uri, prompt_text="A mug on a table", ratio="1280:720", duration=5, seed=7
    )
    image.create(
        model="veo3.1",
        prompt_image=[
            {"uri": LONG_URI, "position": "first"},
            {"uri": "https://example.com/last.png", "position": "last"},
        ],
        prompt_text="p",
        ratio="1280:720",
        duration=8,
        audio=False,
    )
    image.create(
        model="seedance2",
        prompt_image=[{"uri": LONG_URI}, {"uri": "https://example.com/r2.png"}],
        prompt_text="p",
        ratio="1280:720",
        duration=5,
    )
    text.create(
        model="seedance2_5",
        prompt_text="p with references",
        references=[{"uri": A}, {"uri": LONG_URI}],
        ratio="1280:720",
        duration="auto",
    )
    image.create(
        model="kling3.0_pro",
        prompt_image=A,
        prompt_text="p",
        duration=5,
        provider_settings={
            "shotType": "customize",
            "multiPrompt": [{"prompt": "a", "duration": 3}, {"prompt": "b", "duration": 2}],
        },
    )
    text.create(model="gen4.5", prompt_text="p", ratio="1280:720", duration=5)
    client.generate.video.create(
        config_id="production-video",
        input={
            "prompt_text": "p",
            "reference_images": [{"uri": A, "role": "reference"}],
            "duration": 5,
            "resolution": "720p",
            "aspect_ratio": "16:9",
        },
    )
    client.tasks.retrieve(TASK)
    client.tasks.delete(TASK)
    client.organization.retrieve()
    connect(base).image_to_video.create(model="gen4_turbo", prompt_image=A, ratio="1280:720")


def jobs(client):
    image, text = client.image_to_video.create, client.text_to_video.create

    def uploaded(picture):
        return client.uploads.create_ephemeral(file=(picture.file, picture.bytes, picture.mime)).uri

    def both(form):
        return [{"uri": getattr(picture, form)} for picture in (MUG, TABLE)]

    def pair(form):
        return [{**item, "position": position} for item, position in zip(both(form), ("first", "last"))]

    wide = {"ratio": "1280:720"}
    gen = {"model": "gen4.5", "duration": 5, "seed": 7, **wide}
    veo = {"model": "veo3.1_fast", "duration": 8, "audio": False, **wide}
    mini = {"model": "seedance2_mini", "duration": 5, **wide}
    hailuo = {"model": "hailuo3", "duration": 5, "ratio": "16:9", "resolution": "768p"}
    # Neither model documents how a prompt calls a picture: they are called by plain words.
    named = mentions("{name}")

    def job(route, transport, settings, submit):
        known = {
            "seconds": settings["duration"],
            "seed": settings.get("seed"),
            "sound": settings.get("audio"),
        }
        return Job(
            route,
            transport,
            settings["model"],
            submit,
            resolution=settings.get("resolution", "720p"),
            **known,
        )

    return [
        job("text", "none", gen, lambda: text(prompt_text=TEXT, **gen)),
        job("image", "url", gen, lambda: image(prompt_image=MUG.url, prompt_text=IMAGE, **gen)),
        job("image", "data", gen, lambda: image(prompt_image=MUG.data_uri, prompt_text=IMAGE, **gen)),
        job("image", "upload", gen, lambda: image(prompt_image=uploaded(MUG), prompt_text=IMAGE, **gen)),
        job("text", "none", veo, lambda: text(prompt_text=TEXT, **veo)),
        job("image", "url", veo, lambda: image(prompt_image=MUG.url, prompt_text=IMAGE, **veo)),
        job("frames", "url", veo, lambda: image(prompt_image=pair("url"), prompt_text=FRAMES, **veo)),
        job("frames", "data", veo, lambda: image(prompt_image=pair("data_uri"), prompt_text=FRAMES, **veo)),
        job("text", "none", mini, lambda: text(prompt_text=TEXT, **mini)),
        job("image", "url", mini, lambda: image(prompt_image=pair("url")[:1], prompt_text=IMAGE, **mini)),
        job("frames", "url", mini, lambda: image(prompt_image=pair("url"), prompt_text=FRAMES, **mini)),
        job("references", "url", mini, lambda: image(prompt_image=both("url"), prompt_text=named, **mini)),
        job(
            "references",
            "data",
            mini,
            lambda: image(prompt_image=both("data_uri"), prompt_text=named, **mini),
        ),
        job("text", "none", hailuo, lambda: text(prompt_text=TEXT, **hailuo)),
        job("image", "url", hailuo, lambda: image(prompt_image=pair("url")[:1], prompt_text=IMAGE, **hailuo)),
        job("frames", "url", hailuo, lambda: image(prompt_image=pair("url"), prompt_text=FRAMES, **hailuo)),
        job(
            "references", "url", hailuo, lambda: image(prompt_image=both("url"), prompt_text=named, **hailuo)
        ),
    ]


def poll(client, created):
    return until(
        lambda: client.tasks.retrieve(created.id),
        lambda task: task.status,
        "SUCCEEDED",
        {"FAILED", "CANCELLED"},
    )


def fetch(client, task):
    return download(task.output[0])
