"""The logical jobs that every client is asked to make, and the pictures they are made from.

A job is said once, as a user of Kinora would say it (route, prompt with @mentions, pictures,
seconds, resolution, aspect, seed); each client's file says the same in its own words. A recording
keeps the job beside the request, so that a test can ask Kinora for the same one.
"""

import base64
import mimetypes
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

PICTURES = Path(__file__).parent.parent / "conformance" / "pictures"


@dataclass(frozen=True)
class Picture:
    """A picture of the catalogue; `name` is what mentions call it."""

    name: str
    file: str

    @property
    def path(self):
        return PICTURES / self.file

    @property
    def bytes(self):
        return self.path.read_bytes()

    @property
    def mime(self):
        return mimetypes.guess_type(self.file)[0]

    @property
    def url(self):
        """Where the shop itself publishes it."""
        return f"https://example.com/{self.file}"

    @property
    def base64(self):
        return base64.b64encode(self.bytes).decode()

    @property
    def data_uri(self):
        return f"data:{self.mime};base64,{self.base64}"


MUG = Picture("mug", "mug.png")
TABLE = Picture("table", "table.jpg")

TEXT = "A blue mug turns on a wooden table"
IMAGE = "The mug turns slowly"
FRAMES = "The mug gives way to the table"
REFERENCES = "@mug stands on @table"


@dataclass
class Job:
    """One clip to be made, and how this client submits it."""

    #: Kinora's word: text, image, frames or references.
    route: str
    #: How pictures travel: url, data (data URI), base64, upload, file (in the request itself).
    transport: str
    #: The provider's own name of the model.
    model: str
    #: Makes the call; returns whatever the client needs for polling.
    submit: Callable
    seconds: int = 5
    resolution: str | None = "720p"
    aspect: str | None = "16:9"
    seed: int | None = None
    sound: bool | None = None

    @property
    def prompt(self):
        return {"text": TEXT, "image": IMAGE, "frames": FRAMES, "references": REFERENCES}[self.route]

    @property
    def pictures(self):
        return {
            "text": [],
            "image": [(MUG, "first_frame")],
            "frames": [(MUG, "first_frame"), (TABLE, "last_frame")],
            "references": [(MUG, "identity"), (TABLE, "environment")],
        }[self.route]

    @property
    def name(self):
        return (
            f"{self.model} {self.route} {self.transport}" if self.pictures else f"{self.model} {self.route}"
        )

    def described(self):
        """The job as a recording keeps it."""
        pictures = [
            {"name": picture.name, "role": role}
            | ({"url": picture.url} if self.transport == "url" else {"file": picture.file})
            for picture, role in self.pictures
        ]
        out = {
            "route": self.route,
            "model": self.model,
            "prompt": self.prompt,
            "pictures": pictures,
            "transport": self.transport if pictures else None,
            "seconds": self.seconds,
            "resolution": self.resolution,
            "aspect": self.aspect,
            "seed": self.seed,
            "sound": self.sound,
        }
        return {key: value for key, value in out.items() if value is not None}


def mentions(token):
    """The references prompt as one model wants it: `mentions("@Image{n}")`."""
    return REFERENCES.replace("@mug", token.format(n=1, name="mug")).replace(
        "@table", token.format(n=2, name="table")
    )
