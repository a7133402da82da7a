"""The node: what Zyre 2.0.1 does about each message and each beacon, step by step.

Where Zyre would abort the process, `Abort` is raised. Where it warns and goes on because somebody
broke the protocol, there is an event WARNING: no test of ours may see one without having asked for it.
All times are of the monotonic clock, in seconds.
"""
import time
import uuid

import zmq

from . import wire
from .beacon import Beacon

FIRST_PORT, LAST_PORT = 0xC000, 0xFFFF
REAP_INTERVAL = 1.0
HIGH_WATER = 100            # messages for each millisecond of the expired time


class Abort(Exception):
    """An assertion of Zyre's that would not hold."""


class Peer:
    """One that was heard of. Its outgoing connection ends with `disconnect`, for good."""

    def __init__(self, node, id, endpoint):
        self.id = id
        self.name = b""
        self.endpoint = endpoint
        self.ready = False          # it has said HELLO
        self.status = 0             # how often it has joined or left a group, by our count
        self.sent = self.wanted = 0
        self.mailbox = node.context.socket(zmq.DEALER)
        self.mailbox.setsockopt(zmq.IDENTITY, b"\1" + node.id)
        self.mailbox.setsockopt(zmq.LINGER, 0)
        self.mailbox.setsockopt(zmq.SNDHWM, int(node.expired * 1000) * HIGH_WATER)
        self.mailbox.setsockopt(zmq.SNDTIMEO, 0)
        self.mailbox.connect(endpoint)
        self.refresh(node)

    def refresh(self, node):
        now = time.monotonic()
        self.evasive_at = now + node.evasive
        self.expired_at = now + node.expired
        self.evasive = 0            # seconds in a row

    def send(self, message, content=()):
        if self.mailbox is None:
            return
        self.sent = message.sequence = (self.sent + 1) % 65536
        try:
            if content:
                self.mailbox.send_multipart([wire.encode(message), *content])
            else:
                self.mailbox.send(wire.encode(message))
        except zmq.Again:
            self.disconnect()       # and nobody is told

    def disconnect(self):
        if self.mailbox is not None:
            self.mailbox.close(linger=0)
        self.mailbox, self.endpoint, self.ready = None, "", False


class Node:
    """Events come by `on_event(kind, peer, **fields)`, in the order in which Zyre's application has
    them. The caller polls `inbox`, `beacon.udp` and its own descriptors, and calls `step`."""

    def __init__(self, name, on_event, evasive=5.0, expired=30.0, interval=1.0):
        self.context = zmq.Context()
        self.context.set(zmq.MAX_SOCKETS, 20000)
        self.id = uuid.uuid4().bytes
        self.name = name.encode()
        self.on_event = on_event
        self.evasive, self.expired, self.interval = evasive, expired, interval
        self.headers, self.own_groups, self.status = {}, [], 0
        self.peers = {}             # by id
        self.groups = {}            # of others: ids by name
        self.inbox = self.context.socket(zmq.ROUTER)
        self.inbox.setsockopt(zmq.ROUTER_HANDOVER, 1)
        self.inbox.setsockopt(zmq.LINGER, 0)

    def start(self, interface, beacon_port):
        self.beacon = Beacon(interface, beacon_port)
        self.port = self.bind()
        self.endpoint = f"tcp://{self.beacon.address}:{self.port}"
        self.beacon.publish(self.id, self.port, self.interval)
        self.reap_at = time.monotonic() + REAP_INTERVAL

    def bind(self):
        for port in range(FIRST_PORT, LAST_PORT + 1):
            try:
                self.inbox.bind(f"tcp://{self.beacon.address}:{port}")
                return port
            except zmq.ZMQError as error:
                if error.errno != zmq.EADDRINUSE:
                    raise
        raise SystemExit("no port is free")

    def stop(self):
        """The farewell goes out at once, and once; what is still queued is thrown away."""
        self.beacon.publish(self.id, 0, self.interval)
        time.sleep(0.001)
        self.beacon.close()
        for peer in self.peers.values():
            peer.disconnect()
        self.inbox.close(linger=0)
        self.context.term()

    # What the application asks for.

    def join(self, group):
        if group not in self.own_groups:
            self.own_groups.append(group)
            self.tell_all(wire.JOIN, group)

    def leave(self, group):
        if group in self.own_groups:
            self.own_groups.remove(group)
            self.tell_all(wire.LEAVE, group)

    def tell_all(self, id, group):
        self.status = (self.status + 1) % 256
        for peer in self.peers.values():
            peer.send(wire.Message(id, group=group, status=self.status))

    def whisper(self, id, content):
        if peer := self.peers.get(id):
            peer.send(wire.Message(wire.WHISPER), content)

    def shout(self, group, content):
        for id in self.groups.get(group, ()):
            self.peers[id].send(wire.Message(wire.SHOUT, group=group), content)

    # What arrives.

    def receive(self, most):
        """Takes so many messages from the inbox, and all beacons; whether there was anything."""
        any = False
        for _ in range(most):
            try:
                frames = self.inbox.recv_multipart(zmq.DONTWAIT)
            except zmq.Again:
                break
            any = True
            for routing_id, message in wire.read(frames):
                self.handle(routing_id, message)
        while heard := self.beacon.receive():
            any = True
            self.handle_beacon(*heard)
        return any

    def handle_beacon(self, address, id, port):
        if port:
            self.require(id, f"tcp://{address}:{port}")
        elif peer := self.peers.get(id):
            self.remove(peer)

    def handle(self, routing_id, message):
        if isinstance(message, wire.Malformed):
            self.on_event("WARNING", None, text=f"from {routing_id.hex()}: {message}")
            return
        if len(routing_id) != 17:
            self.on_event("WARNING", None, text=f"the routing id {routing_id.hex()} is no peer's")
            return
        id = routing_id[1:]
        peer = self.peers.get(id)
        if message.id == wire.HELLO:
            peer = self.greeted(id, peer, message)
        if peer is None or not peer.ready:
            return
        if self.is_out_of_sequence(peer, message):
            self.remove(peer)
            return
        self.process(peer, message)
        peer.refresh(self)

    def greeted(self, id, peer, message):
        """The peer that has said HELLO; None if that is ignored."""
        endpoint = message.endpoint.decode("utf-8", "replace")
        if peer and peer.ready:
            # It may have restarted: the old one is forgotten, its connection closed, and a new one
            # opened at once, to where this HELLO says.
            self.remove(peer)
        elif peer and peer.endpoint == self.endpoint:
            return None
        peer = self.require(id, endpoint)
        if peer:
            peer.ready = True
        return peer

    def require(self, id, endpoint):
        if id in self.peers:
            return self.peers[id]
        for other in self.peers.values():
            if other.endpoint == endpoint:
                other.disconnect()
        try:
            peer = Peer(self, id, endpoint)
        except zmq.ZMQError as error:
            self.on_event("WARNING", None, text=f"{endpoint} cannot be connected to: {error}")
            return None
        self.peers[id] = peer
        peer.send(wire.Message(
            wire.HELLO, endpoint=self.endpoint.encode(), groups=list(self.own_groups),
            status=self.status, name=self.name, headers=self.headers))
        return peer

    def is_out_of_sequence(self, peer, message):
        peer.wanted = 1 if message.id == wire.HELLO else (peer.wanted + 1) % 65536
        if peer.wanted == message.sequence:
            return False
        self.on_event("WARNING", peer, text="messages were lost: expected "
                      f"{peer.wanted}, got {message.sequence} ({wire.NAMES[message.id]})")
        return True

    def process(self, peer, message):
        id = message.id
        if id == wire.WHISPER:
            self.on_event("WHISPER", peer, content=message.content)
        elif id == wire.SHOUT:
            self.on_event("SHOUT", peer, group=message.group, content=message.content)
        elif id == wire.HELLO:
            peer.name = message.name
            self.on_event("ENTER", peer, headers=message.headers, endpoint=message.endpoint)
            for group in message.groups:
                self.enters_group(peer, group)
            peer.status = message.status
        elif id == wire.PING:
            peer.send(wire.Message(wire.PING_OK))
        elif id == wire.JOIN:
            self.enters_group(peer, message.group)
            self.check_status(peer, message)
        elif id == wire.LEAVE:
            self.groups.setdefault(message.group, {}).pop(peer.id, None)
            peer.status = (peer.status + 1) % 256
            self.on_event("LEAVE", peer, group=message.group)
            self.check_status(peer, message)
        elif id == wire.LEADER and message.name.decode("ascii", "replace") not in self.all_ids():
            raise Abort("a leader that is no peer")
        elif id != wire.PING_OK:
            self.on_event("WARNING", peer, text=f"{wire.NAMES[id]} in a network without elections")

    def enters_group(self, peer, group):
        self.groups.setdefault(group, {})[peer.id] = None
        peer.status = (peer.status + 1) % 256
        self.on_event("JOIN", peer, group=group)

    @staticmethod
    def check_status(peer, message):
        if peer.status != message.status:
            raise Abort(f"{wire.NAMES[message.id]} with status {message.status}, not {peer.status}")

    def all_ids(self):
        return {id.hex().upper() for id in (self.id, *self.peers)}

    def remove(self, peer):
        """Also one that has never entered: Zyre's application sees EXIT without an ENTER then."""
        self.on_event("EXIT", peer)
        for members in self.groups.values():
            members.pop(peer.id, None)
        peer.disconnect()
        del self.peers[peer.id]

    def reap_due(self):
        """Seconds until `reap` is wanted, at least 0."""
        return max(0.0, self.reap_at - time.monotonic())

    def reap(self):
        """Pings who is quiet, and ends who is for too long. To be called only when nothing has
        arrived: a busy node never does this."""
        if self.reap_due():
            return
        now = time.monotonic()
        self.reap_at = now + REAP_INTERVAL
        for peer in list(self.peers.values()):
            if now >= peer.expired_at:
                self.remove(peer)
            elif now >= peer.evasive_at:
                peer.send(wire.Message(wire.PING))
                self.on_event("EVASIVE", peer)
                if peer.evasive:
                    self.on_event("SILENT", peer)
                peer.evasive += 1
