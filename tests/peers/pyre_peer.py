#!/usr/bin/env python3
"""A Pyre node that a test talks to: commands on stdin, one JSON object a line on stdout.

Command line, commands and objects are those of docs/examples/peer.rs, as far as the tests need them.
Everything happens on one thread: a bulk send goes on between two looks at what has arrived.

Pyre chooses its interface itself (the first that has a broadcast address), and it tells nothing of
evasive peers: so there are no such objects. A node of its own network namespace is what it needs.
"""
import argparse
import json
import os
import struct
import sys
import time
import uuid

import pyre
import zmq

NUMBERED = struct.Struct("<QQ")  # the time of sending, and the number
SLICE = 100                      # messages sent between two looks


def tell(event, **fields):
    line = {"event": event, **fields, "t": time.monotonic_ns()}
    os.write(1, (json.dumps(line, ensure_ascii=False) + "\n").encode())


class Tally:
    """What was received of a bulk send."""

    def __init__(self):
        self.messages = self.octets = self.gaps = self.first = self.last = 0

    def add(self, content, due):
        """Counts one message, and returns the number that must follow it."""
        self.last = time.monotonic_ns()
        self.first = self.first or self.last
        self.messages += 1
        self.octets += len(content)
        if len(content) < NUMBERED.size:
            return due
        number = NUMBERED.unpack_from(content)[1]
        self.gaps += number not in (0, due)
        return number + 1

    def tell(self):
        tell("COUNTED", msgs=self.messages, bytes=self.octets, gaps=self.gaps,
             secs=(self.last - self.first) / 1e9, first_t=self.first, last_t=self.last)


class Peer:
    def __init__(self, options):
        self.options = options
        self.names = {}          # of each peer, by its id
        self.due = {}            # the number that is due from each peer
        self.tally = Tally()
        self.bulk = None         # a generator that sends a slice at each step
        self.ends = False
        self.rest = b""          # of stdin: a line without its end
        self.node = pyre.Pyre(options.name)
        if options.port:
            self.node.set_port(str(options.port).encode())
        for header in options.header:
            self.node.set_header(*header.split("=", 1))

    def run(self):
        self.node.start()
        for group in self.options.group:
            self.node.join(group)
        tell("START", peer=self.node.uuid().hex.upper(), name=self.options.name, pid=os.getpid(),
             impl="Pyre " + pyre.__version__)
        poller = zmq.Poller()
        poller.register(self.node.socket(), zmq.POLLIN)
        poller.register(0, zmq.POLLIN)
        while not self.ends:
            ready = dict(poller.poll(1 if self.bulk else None))
            if self.node.socket() in ready:
                self.receive()
            if 0 in ready:
                self.read()
            if self.bulk and next(self.bulk, "done") == "done":
                self.bulk = None
        self.node.stop()
        tell("QUIT")
        os._exit(0)              # threads of a stopped Pyre may hang

    def receive(self):
        """Takes all that has arrived, but not more than a slice."""
        for _ in range(SLICE):
            self.handle(self.node.recv())
            if not self.node.socket().getsockopt(zmq.EVENTS) & zmq.POLLIN:
                return

    def handle(self, frames):
        kind, peer = frames[0].decode(), frames[1]
        about = {"peer": peer.hex().upper(), "name": frames[2].decode("utf-8", "replace")}
        if kind == "ENTER":
            self.names[peer] = about["name"]
            self.due.setdefault(peer, 0)     # who is greeted again goes on counting
            tell(kind, **about, headers=json.loads(frames[3]), addr=frames[4].decode())
        elif kind in ("JOIN", "LEAVE"):
            tell(kind, **about, group=frames[3].decode("utf-8", "replace"))
        elif kind == "WHISPER":
            self.content(kind, peer, about, frames[3:])
        elif kind == "SHOUT":
            group = frames[3].decode("utf-8", "replace")
            self.content(kind, peer, {**about, "group": group}, frames[4:])
        else:
            if kind == "EXIT":
                self.names.pop(peer, None)
            tell(kind, **about)

    def content(self, kind, peer, about, frames):
        if self.options.count:
            self.due[peer] = self.tally.add(b"".join(frames), self.due.get(peer, 0))
            if self.tally.messages == self.options.expect:
                self.summary()
        else:
            tell(kind, **about, frames=len(frames), len=sum(map(len, frames)),
                 text=frames[0].decode("utf-8", "replace"))
        if self.options.echo and kind == "WHISPER":
            self.node.whisper(uuid.UUID(bytes=peer), frames)

    def read(self):
        read = os.read(0, 65536)
        *lines, self.rest = (self.rest + read).split(b"\n")
        for line in lines:
            verb, *words = line.decode().split(" ")
            getattr(self, "do_" + verb.replace("-", "_"))(*words)
        self.ends = self.ends or not read

    def find(self, name):
        found = [peer for peer, its in self.names.items() if name in (its, peer.hex().upper())]
        if not found:
            tell("ERROR", text="no such peer: " + name)
        return uuid.UUID(bytes=found[0]) if found else None

    def do_join(self, group):
        self.node.join(group)

    def do_leave(self, group):
        self.node.leave(group)

    def do_shout(self, group, *words):
        self.node.shout(group, " ".join(words).encode())

    def do_whisper(self, name, *words):
        if peer := self.find(name):
            self.node.whisper(peer, " ".join(words).encode())

    def do_frames(self, name, *frames):
        """One whisper of several frames, which docs/examples/peer.rs has no command for."""
        if peer := self.find(name):
            self.node.whisper(peer, [frame.encode() for frame in frames])

    def do_bench_shout(self, group, *numbers):
        self.bulk = self.send(lambda content: self.node.shout(group, content), *map(int, numbers))

    def do_bench_whisper(self, name, *numbers):
        if peer := self.find(name):
            self.bulk = self.send(lambda content: self.node.whisper(peer, content), *map(int, numbers))

    def send(self, to, count, size, rate=0):
        start = time.monotonic_ns()
        number = 0
        while number < count:
            allowed = (time.monotonic_ns() - start) * rate // 10**9 if rate else count
            for _ in range(min(SLICE, count - number, allowed - number)):
                head = NUMBERED.pack(time.monotonic_ns(), number) if size >= NUMBERED.size else b""
                to(head.ljust(size, b"x"))
                number += 1
            yield
        tell("SENT", msgs=count, size=size, secs=(time.monotonic_ns() - start) / 1e9)

    def do_summary(self):
        self.summary()

    def summary(self):
        self.tally.tell()
        self.tally = Tally()

    def do_peers(self):
        for peer, name in self.names.items():
            tell("PEER", peer=peer.hex().upper(), name=name)
        tell("PEERS", n=len(self.names))

    def do_pause(self, milliseconds):
        time.sleep(int(milliseconds) / 1000)

    def do_stop(self):
        self.ends = True

    def do_quit(self):
        self.ends = True


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", required=True)
    parser.add_argument("--group", action="append", default=[])
    parser.add_argument("--header", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--port", type=int, help="of the beacon")
    parser.add_argument("--expect", type=int, help="tell the count after so many messages")
    parser.add_argument("--count", action="store_true", help="count content instead of showing it")
    parser.add_argument("--echo", action="store_true", help="whisper back what is whispered")
    Peer(parser.parse_args()).run()
