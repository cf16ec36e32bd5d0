"""The same dispatch as people write it: asyncio, aiohttp, sqlite3, and no guarantees.

    python asyncio_peer.py PORT JOBS FOLDER [AT_ONCE [SYNCHRONOUS]]

Each job: a row with its reservation, a row with its intent, commit; POST; the id, commit; poll;
the state, commit; the clip into a file; done and settled, commit. Connections are kept, the
database is in WAL mode, by default with SQLite's own `synchronous`, FULL; with NORMAL no commit
waits for the disk. No clip is synced, nothing is checked, no digest is taken, and a crash between
any two lines loses or repeats a job.
"""

import asyncio
import json
import os
import resource
import sqlite3
import sys
import time

import aiohttp

port, jobs, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
at_once = int(sys.argv[4]) if len(sys.argv) > 4 else 64
synchronous = sys.argv[5] if len(sys.argv) > 5 else "FULL"
base = f"http://127.0.0.1:{port}"

os.makedirs(folder, exist_ok=True)
db = sqlite3.connect(f"{folder}/jobs.db")
db.execute("PRAGMA journal_mode = WAL")
db.execute(f"PRAGMA synchronous = {synchronous}")
db.executescript("""
    CREATE TABLE jobs (id INTEGER PRIMARY KEY, name TEXT UNIQUE, state TEXT, remote TEXT,
                       path TEXT, bytes INTEGER, reserved INTEGER, settled INTEGER);
    CREATE TABLE attempts (id INTEGER PRIMARY KEY, job INTEGER, request TEXT, at REAL);
""")


async def dispatch(session, number):
    product, shot = divmod(number, 10)
    name = f"products.p{product}/shot-{shot}"
    body = {"model": "bench/clip", "seconds": "5", "size": "1280x720", "seed": number,
            "prompt": f"Product {product} turns slowly on marble, the camera pushes in"}
    job = db.execute("INSERT INTO jobs (name, state, reserved) VALUES (?, 'submitting', 1)",
                     (name,)).lastrowid
    db.execute("INSERT INTO attempts (job, request, at) VALUES (?, ?, ?)",
               (job, json.dumps(body), time.time()))
    db.commit()
    async with session.post(f"{base}/jobs", json=body) as reply:
        remote = (await reply.json())["id"]
    db.execute("UPDATE jobs SET state = 'submitted', remote = ? WHERE id = ?", (remote, job))
    db.commit()
    while True:
        async with session.get(f"{base}/jobs/{remote}") as reply:
            polled = await reply.json()
        if polled["status"] == "succeeded":
            break
        await asyncio.sleep(1)
    db.execute("UPDATE jobs SET state = 'ready' WHERE id = ?", (job,))
    db.commit()
    path = f"{folder}/clips/p{product}/shot-{shot}.mp4"
    os.makedirs(os.path.dirname(path), exist_ok=True)
    async with session.get(polled["url"]) as reply:
        clip = await reply.read()
    with open(path, "wb") as file:
        file.write(clip)
    db.execute("UPDATE jobs SET state = 'done', path = ?, bytes = ?, settled = reserved, "
               "reserved = 0 WHERE id = ?", (path, len(clip), job))
    db.commit()


async def main():
    numbers = iter(range(jobs))

    async def worker(session):
        for number in numbers:
            await dispatch(session, number)

    connector = aiohttp.TCPConnector(limit=at_once)
    async with aiohttp.ClientSession(connector=connector) as session:
        await asyncio.gather(*(worker(session) for _ in range(at_once)))


begun = time.monotonic()
asyncio.run(main())
seconds = time.monotonic() - begun
usage = resource.getrusage(resource.RUSAGE_SELF)
done = db.execute("SELECT count(*) FROM jobs WHERE state = 'done'").fetchone()[0]
assert done == jobs, f"{done} of {jobs} are done"
cpu = (usage.ru_utime + usage.ru_stime) / jobs * 1e6
print(f"{jobs / seconds:.0f} jobs/s; {jobs} jobs in {seconds:.2f} s; CPU a job: client {cpu:.0f} us; "
      f"peak {usage.ru_maxrss // 1024} MiB")
