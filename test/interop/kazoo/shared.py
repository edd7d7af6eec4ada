"""kazoo's lock on a path that other programs share. Whoever is inside has a file that must not be there before.

Arguments: hosts, "kazoo" (its own names) or "curator" (names that Curator understands), path, the file, rounds. "contenders"
instead of names tells who holds the lock and who waits, as kazoo sees them.
"""

import os
import sys
import time

from kazoo.client import KazooClient
from kazoo.recipe.lock import Lock

from checks import say

hosts, names, path, inside, rounds = sys.argv[1:6]


class CuratorsLock(Lock):
    """Curator knows a lock's nodes by "lock-", as of nobody else."""

    _NODE_NAME = "-lock-"


client = KazooClient(hosts, timeout=10)
client.start(20)
say("ready")
if names == "contenders":
    for contender in Lock(client, path, extra_lock_patterns=["-lock-"]).contenders():
        say("contender " + contender)
    rounds = 0
for _ in range(int(rounds)):
    kind = CuratorsLock if names == "curator" else Lock
    with kind(client, path, "kazoo", extra_lock_patterns=["-lock-"]):
        os.close(os.open(inside, os.O_CREAT | os.O_EXCL))
        time.sleep(0.005)
        os.remove(inside)
        say("inside")
client.stop()
client.close()
say("done")
