"""One file a client. Each says, under the same names:

CLIENT        its package on PyPI; the version is the one installed
PROVIDER      what `kinora simulate --provider` calls the service
HOW           how it was pointed at the loopback server
TLS           True where it refuses plain http
ENVIRONMENT   only where it needs an environment of its own under target/clients/
environ       what must be in the environment before it is imported
answer        the recorder's canned replies
first         the calls of the first recording
connect       a client for the base URL
jobs          the logical jobs, in this client's words
poll          waits for the end of what a job's submission returned; gives the finished thing
fetch         the clip's bytes
"""

NAMES = [
    "runway",
    "replicate",
    "fal",
    "luma_agents",
    "veo",
    "dashscope",
    "ark",
    "openrouter",
    "openai_videos",
    "minimax_v1",
    "vidu",
]
