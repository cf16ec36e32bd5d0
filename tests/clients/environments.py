"""Where install.sh put the clients, and what they may see of this machine."""

import os
import sys
from pathlib import Path

INSTALLED = Path(__file__).parent.parent.parent / "target" / "clients"
NODE = INSTALLED / "npm" / "node_modules"


class NotInstalled(Exception):
    """A client that install.sh left out, or was not asked for."""


def python_of(module):
    """The Python that has a client, which may be another than the one that runs now."""
    own = getattr(module, "ENVIRONMENT", None)
    if own is None:
        return sys.executable
    if not (INSTALLED / own / "installed").exists():
        raise NotInstalled(f"{module.CLIENT} is not installed: see install.sh")
    return str(INSTALLED / own / "bin" / "python")


def clean():
    """No key and no address of this machine's own may reach a client."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
