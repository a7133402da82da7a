#!/usr/bin/env python3
"""A Pyre node that a test talks to: commands on stdin, one JSON object a line on stdout.

Command line, commands and objects are those of docs/examples/peer.rs, as far as the tests need them:
see scripted.py.

Pyre chooses its interface itself (the first that has a broadcast address), and it tells nothing of
evasive peers: so there are no such objects. A node of its own network namespace is what it needs.
"""
import json
import os
import sys
import uuid

sys.dont_write_bytecode = True   # nothing is written into the folder of the sources

import pyre
import zmq

from scripted import SLICE, Scripted, about, command_line, tell


class Peer(Scripted):
    def __init__(self, options):
        super().__init__(options)
        self.node = pyre.Pyre(options.name)
        if options.port:
            self.node.set_port(str(options.port).encode())
        for header in options.header:
            self.node.set_header(*header.split("=", 1))

    def run(self):
        self.node.start()
        for group in self.options.group:
            self.node.join(group)
        tell("START", **about(self.node.uuid().bytes, self.options.name), pid=os.getpid(),
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
            self.send_slice()
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
        kind, peer, name = frames[0].decode(), frames[1], text(frames[2])
        if kind == "ENTER":
            self.entered(peer, name, json.loads(frames[3]), frames[4].decode())
        elif kind == "EXIT":
            self.exited(peer, name)
        elif kind in ("JOIN", "LEAVE"):
            tell(kind, **about(peer, name), group=text(frames[3]))
        elif kind == "WHISPER":
            self.content(kind, peer, name, frames[3:])
        elif kind == "SHOUT":
            self.content(kind, peer, name, frames[4:], group=text(frames[3]))
        else:
            tell(kind, **about(peer, name))

    def join(self, group):
        self.node.join(group)

    def leave(self, group):
        self.node.leave(group)

    def shout(self, group, frames):
        self.node.shout(group, frames)

    def whisper(self, peer, frames):
        self.node.whisper(uuid.UUID(bytes=peer), frames)


def text(octets):
    return octets.decode("utf-8", "replace")


if __name__ == "__main__":
    Peer(command_line(__doc__).parse_args()).run()
