#!/usr/bin/env python3
"""First inputs of every fuzz target, from what the repository ships. Needs Python alone.

    python3 fuzz/seed.py            adds what is missing to fuzz/corpus
"""
import glob
import hashlib
import os

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
BETWEEN = b"\n=====\n"
MOST = 48 * 1024


def read(path):
    with open(path, "rb") as file:
        return file.read()


def files(pattern):
    return [read(path) for path in sorted(glob.glob(os.path.join(ROOT, pattern), recursive=True))]


def keep(target, inputs):
    folder = os.path.join(ROOT, "fuzz", "corpus", target)
    os.makedirs(folder, exist_ok=True)
    for data in inputs:
        if len(data) <= MOST:
            name = "seed-" + hashlib.sha256(data).hexdigest()[:16]
            with open(os.path.join(folder, name), "wb") as file:
                file.write(data)


def main():
    feeds = files("examples/**/*.csv")
    manifests = files("examples/**/kinora.yaml")
    keep("manifest", [m + BETWEEN + (feeds[0] if feeds else b"") for m in manifests])
    models, providers = files("manifests/models/*.yaml"), files("manifests/providers/*.yaml")
    keep("cards", [m + BETWEEN + providers[i % len(providers)] for i, m in enumerate(models[::4])])
    keep("picture", files("tests/**/pictures/*.*") + files("tests/pictures/made/*.*") + files("fuzz/seeds/*.jpg"))
    feeds += files("fuzz/seeds/*.csv") + files("fuzz/seeds/*.tsv") + files("tests/feeds/**/*.[ct]sv")
    keep("feed_delimited", [bytes([how]) + f for f in feeds for how in (0, 1, 2, 4, 6, 9)])
    keep("feed_xml", files("fuzz/seeds/*.xml") + files("tests/feeds/**/*.xml"))
    keep("feed_json_lines", files("fuzz/seeds/feed*.jsonl") + files("tests/feeds/**/*.jsonl"))
    keep("feed_html", files("fuzz/seeds/*.html"))
    keep("picture_lock", files("fuzz/seeds/*.lock"))
    # A clip, a plan and an approval as the program itself made them.
    keep("clip", files("fuzz/seeds/*.mp4") + files("tests/frames/made/*.mp4"))
    keep("plan_file", files("fuzz/seeds/*.plan") + [b"\0" + t for t in files("fuzz/seeds/plan.jsonl")])
    keep("approval_file", files("fuzz/seeds/*.approval.json"))


if __name__ == "__main__":
    main()
