"""Volcengine's own client for Ark, for Seedance; BytePlus ModelArk speaks the same."""

from jobs import FRAMES, IMAGE, MUG, TABLE, TEXT, Job, mentions
from oldest import LONG_URI, A, B
from recorder import Reply
from waiting import download, until

CLIENT = "volcengine-ark-runtime"
PROVIDER = "volcengine"
HOW = (
    "Ark(base_url=..., api_key=...) (used here); no base-url env var. Same client works for BytePlus ModelArk. "
    "Last two POSTs: SDK auto-retry after 429."
)
TLS = False
MODEL = "doubao-seedance-2-0-260128"
ABROAD = "dreamina-seedance-2-0-260128"


def environ(base):
    return {}


def answer(request, earlier, base):
    if request.method == "DELETE":
        return Reply({})
    if request.method == "GET" and "?" in request.path:
        return Reply({"items": [], "total": 0})
    if request.method == "GET":
        times = {"created_at": 1, "updated_at": 2}
        return Reply(
            {
                "id": "cgt-1",
                "model": MODEL,
                "status": "succeeded",
                "content": {"video_url": base + "/c"},
                **times,
            }
        )
    if b"retry me" in request.body and not any(b"retry me" in one.body for one in earlier):
        return Reply({"error": {"code": "TooManyRequests", "message": "slow down"}}, status=429)
    return Reply({"id": "cgt-1"})


def connect(base, **options):
    from volcenginesdkarkruntime import Ark

    return Ark(base_url=base + "/api/v3", api_key="ark-test", **options)


def words(text):
    return {"type": "text", "text": text}


def picture(url, role):
    return {"type": "image_url", "image_url": {"url": url}, "role": role}


def first(base):
    tasks = connect(base).content_generation.tasks
    tasks.create(
        model=MODEL,
        content=[words("p")],
        generate_audio=False,
        watermark=False,
        seed=7,
        resolution="720p",
        ratio="16:9",
        duration=5,
    )
    tasks.create(
        model=MODEL,
        content=[words("p"), picture(LONG_URI, "first_frame"), picture(B, "last_frame")],
        callback_url="https://example.com/cb",
        return_last_frame=True,
        execution_expires_after=86400,
        resolution="720p",
        ratio="adaptive",
        duration=5,
    )
    tasks.create(
        model=MODEL,
        content=[
            words("Image 1 holds Image 2"),
            picture(A, "reference_image"),
            picture(B, "reference_image"),
        ],
        safety_identifier="user-1",
        service_tier="flex",
        duration=5,
    )
    tasks.get(task_id="cgt-1")
    tasks.list(page_num=1, page_size=10, status="running", model="m", task_ids=["cgt-1", "cgt-2"])
    tasks.delete(task_id="cgt-1")
    tasks.create(model=MODEL, content=[words("retry me")])


def jobs(client):
    tasks = client.content_generation.tasks
    roles = {
        "image": ["first_frame"],
        "frames": ["first_frame", "last_frame"],
        "references": ["reference_image"] * 2,
    }

    def make(route, transport, text, model=MODEL):
        form = {"url": lambda one: one.url, "data": lambda one: one.data_uri, "none": None}[transport]
        pictures = [picture(form(one), role) for one, role in zip((MUG, TABLE), roles.get(route, []))]
        # Frames give the clip their own shape.
        ratio = "adaptive" if route in ("image", "frames") else "16:9"

        def submit():
            return tasks.create(
                model=model,
                content=[words(text), *pictures],
                generate_audio=False,
                watermark=False,
                resolution="720p",
                ratio=ratio,
                duration=5,
            )

        return Job(route, transport, model, submit, sound=False)

    return [
        make("text", "none", TEXT),
        make("image", "url", IMAGE),
        make("image", "data", IMAGE),
        make("frames", "url", FRAMES),
        make("frames", "data", FRAMES),
        make("references", "url", mentions("Image {n}")),
        make("references", "data", mentions("Image {n}")),
        make("text", "none", TEXT, ABROAD),
        make("references", "url", mentions("Image {n}"), ABROAD),
    ]


def poll(client, created):
    tasks = client.content_generation.tasks
    bad = {"failed", "cancelled", "expired"}
    return until(lambda: tasks.get(task_id=created.id), lambda task: task.status, "succeeded", bad)


def fetch(client, task):
    return download(task.content.video_url)
