"""kazoo's recipes, each among several sessions and across the death of a leader. Arguments: hosts, recipe."""

import logging
import sys
import threading
import time

from kazoo.client import KazooClient
from kazoo.exceptions import (
    BadVersionError,
    NoAuthError,
    NodeExistsError,
    RolledBackError,
    RuntimeInconsistency,
)
from kazoo.handlers.threading import KazooTimeoutError
from kazoo.protocol.states import KeeperState
from kazoo.security import make_acl

from checks import equal, eventually, kill_leader, law, restore, say

FOREVER = dict(max_tries=-1, delay=0.05, backoff=1, max_jitter=0.05)

logging.basicConfig(level=logging.ERROR)
hosts = sys.argv[1]


def connect(**options):
    client = KazooClient(hosts, timeout=10, connection_retry=FOREVER, command_retry=FOREVER, **options)
    client.start(20)
    return client


def close(*clients):
    for client in clients:
        client.stop()
        client.close()


def together(*bodies):
    """Runs each body in a thread and hands on the first trouble."""
    troubles = []

    def guarded(body):
        try:
            body()
        except BaseException as error:
            troubles.append(error)
            raise

    threads = [threading.Thread(target=guarded, args=(body,), daemon=True) for body in bodies]
    for thread in threads:
        thread.start()

    def join():
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive(), "a thread hangs"
        if troubles:
            raise troubles[0]

    return join


def lock():
    def count(path, rounds, kill):
        clients = [connect() for _ in range(3)]
        clients[0].create(path + "/total", b"0", makepath=True)
        inside = []
        done = []

        def worker(client):
            def body():
                for _ in range(rounds):
                    with client.Lock(path + "/lock"):
                        inside.append(client)
                        equal(1, len(inside), "how many are inside")
                        client.retry(client.sync, path + "/total")
                        total = int(client.retry(client.get, path + "/total")[0])
                        client.retry(client.set, path + "/total", b"%d" % (total + 1))
                        inside.pop()
                        done.append(1)

            return body

        join = together(*[worker(client) for client in clients])
        if kill:
            eventually("some rounds", lambda: len(done) >= 10)
            kill_leader()
        join()
        if kill:
            restore()
        clients[0].retry(clients[0].sync, path + "/total")
        equal(3 * rounds, int(clients[0].retry(clients[0].get, path + "/total")[0]), "total")
        close(*clients)

    law("Lock: three sessions count under it, one inside at a time", lambda: count("/lock-calm", 10, False))
    law("Lock: so they do while the leader is killed", lambda: count("/lock-killed", 20, True))

    def session_ends():
        holder, waiter = connect(), connect()
        held = holder.Lock("/lock-left")
        assert held.acquire(timeout=10)
        waiting = waiter.Lock("/lock-left")
        assert not waiting.acquire(blocking=False), "the lock is held"
        close(holder)
        assert waiting.acquire(timeout=10), "closing the holder's session frees the lock"
        close(waiter)

    law("Lock: the end of its holder's session frees it", session_ends)


def election():
    def elect(path, kill):
        clients = [connect() for _ in range(3)]
        led, inside, may_go = [], [], threading.Event()

        def candidate(number, client):
            def lead():
                inside.append(number)
                equal(1, len(inside), "how many lead")
                led.append(number)
                if len(led) == 1:
                    may_go.wait(30)
                inside.pop()

            return lambda: client.Election(path, "candidate-%d" % number).run(lead)

        join = together(*[candidate(i, client) for i, client in enumerate(clients)])
        eventually("one leads", lambda: len(led) == 1)
        eventually("three contend", lambda: len(clients[0].Election(path).contenders()) == 3)
        if kill:
            kill_leader()
            equal(3, len(clients[0].retry(clients[0].Election(path).contenders)), "contenders after the kill")
        equal(1, len(led), "nobody takes over from a living leader")
        may_go.set()
        join()
        equal([0, 1, 2], sorted(led), "each has led once")
        if kill:
            restore()
        close(*clients)

    law("Election: each leads in turn, never two", lambda: elect("/election-calm", False))
    law("Election: so they do when the ensemble's leader is killed", lambda: elect("/election-killed", True))


def party():
    def members():
        clients = [connect() for _ in range(3)]
        parties = [client.Party("/party", "guest-%d" % i) for i, client in enumerate(clients)]
        for each in parties:
            each.join()
        names = ["guest-0", "guest-1", "guest-2"]
        eventually("all see all", lambda: all(sorted(each) == names for each in parties))
        kill_leader()
        clients[0].retry(clients[0].sync, "/party")
        equal(names, sorted(parties[0]), "they stay across the death of the leader")
        restore()
        parties[1].leave()
        close(clients[2])
        eventually("two are gone", lambda: list(parties[0]) == ["guest-0"])
        close(clients[0], clients[1])

    law("Party: members come, stay when the leader is killed, and go", members)


def watches():
    def data():
        writer, reader = connect(), connect()
        seen = []
        reader.DataWatch("/watched", lambda value, stat: seen.append((value, stat and stat.version)))
        eventually("nothing yet", lambda: seen[-1:] == [(None, None)])
        writer.create("/watched", b"a")
        eventually("created", lambda: seen[-1] == (b"a", 0))
        writer.set("/watched", b"b")
        eventually("changed", lambda: seen[-1] == (b"b", 1))
        kill_leader()
        writer.retry(writer.set, "/watched", b"c")
        eventually("changed after the kill", lambda: seen[-1][0] == b"c")
        restore()
        writer.retry(writer.delete, "/watched")
        eventually("deleted", lambda: seen[-1] == (None, None))
        close(writer, reader)

    def children():
        writer, reader = connect(), connect()
        writer.ensure_path("/family")
        seen = []
        reader.ChildrenWatch("/family", lambda names: seen.append(sorted(names)))
        eventually("none", lambda: seen[-1:] == [[]])
        writer.create("/family/a")
        eventually("one", lambda: seen[-1] == ["a"])
        kill_leader()
        try:
            writer.retry(writer.create, "/family/b")
        except NodeExistsError:
            pass  # the first try took effect, only its reply was lost
        eventually("two", lambda: seen[-1] == ["a", "b"])
        restore()
        writer.retry(writer.delete, "/family/a")
        eventually("one again", lambda: seen[-1] == ["b"])
        close(writer, reader)

    law("DataWatch: tells of creation, each last value and deletion, also across the death of the leader", data)
    law("ChildrenWatch: tells of the children, also across the death of the leader", children)


def transaction():
    def calm():
        client = connect()
        transaction = client.transaction()
        transaction.create("/tx", b"1")
        transaction.set_data("/tx", b"2", version=0)
        transaction.check("/tx", 1)
        transaction.create("/tx/c", ephemeral=True)
        results = transaction.commit()
        equal("/tx", results[0], "created")
        equal(1, results[1].version, "version")
        equal((True, "/tx/c"), tuple(results[2:]), "checked, created")

        failing = client.transaction()
        failing.set_data("/tx", b"3")
        failing.check("/tx", 99)
        failing.delete("/tx/c")
        kinds = [type(result) for result in failing.commit()]
        equal([RolledBackError, BadVersionError, RuntimeInconsistency], kinds, "results of a failed one")
        equal(b"2", client.get("/tx")[0], "nothing of it remains")
        close(client)

    def killed():
        client = connect()
        client.create("/tx-a", b"0")
        client.create("/tx-b", b"0")
        stop = threading.Event()
        rounds = []

        def move():
            while not stop.is_set():
                try:
                    both = client.transaction()
                    both.set_data("/tx-a", b"%d" % len(rounds))
                    both.set_data("/tx-b", b"%d" % len(rounds))
                    both.commit()
                    rounds.append(1)
                except Exception as error:
                    say("note " + repr(error))
                    time.sleep(0.05)

        join = together(move)
        eventually("some rounds", lambda: len(rounds) > 20)
        kill_leader()
        before = len(rounds)
        eventually("more rounds", lambda: len(rounds) > before + 20)
        stop.set()
        join()
        client.retry(client.sync, "/tx-a")
        a, b = client.retry(client.get, "/tx-a"), client.retry(client.get, "/tx-b")
        equal(a[0], b[0], "both sides")
        equal(a[1].version, b[1].version, "both counted")
        assert a[1].version >= len(rounds), "an acknowledged transaction is lost"
        restore()
        close(client)

    law("transaction: all or nothing, with a result for each operation", calm)
    law("transaction: both halves move together while the leader is killed", killed)


def sasl():
    def enters():
        known = connect(sasl_options=dict(mechanism="DIGEST-MD5", username="ana", password="ana-secret"))
        stranger = connect()
        known.create("/sasl", b"mine", acl=[make_acl("sasl", "ana", all=True)])
        equal(b"mine", known.get("/sasl")[0], "the owner reads")
        stranger.sync("/sasl")
        try:
            stranger.get("/sasl")
            raise AssertionError("a stranger reads")
        except NoAuthError:
            pass
        kill_leader()
        equal(b"mine", known.retry(known.get, "/sasl")[0], "the owner reads after the kill, authenticated anew")
        restore()
        close(known, stranger)

    def refused():
        wrong = dict(mechanism="DIGEST-MD5", username="ana", password="wrong")
        client = KazooClient(hosts, timeout=10, connection_retry=dict(max_tries=1), sasl_options=wrong)
        states = []
        client.add_listener(lambda state: states.append(client.client_state))
        try:
            client.start(5)  # it may count as started at the handshake, before the password is judged
        except KazooTimeoutError:
            pass
        eventually("it is told", lambda: KeeperState.AUTH_FAILED in states)
        close(client)

    law("SASL: DIGEST-MD5 opens what its user's ACL guards, also after the leader is killed", enters)
    law("SASL: a wrong password is refused", refused)


dict(lock=lock, election=election, party=party, watches=watches, transaction=transaction, sasl=sasl)[sys.argv[2]]()
say("end")
