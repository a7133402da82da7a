"""Presence by UDP as CZMQ's zbeacon makes it: one interface, its directed broadcast address, which the
socket is bound to. So what is sent to 255.255.255.255 or to this host alone is not heard (trap 4).

Sending has a thread of its own, as there: presence goes on while the node is busy.
"""
import fcntl
import socket
import struct
import threading
import time

BEACON = struct.Struct(">3sB16sH")
# netdevice(7)
SIOCGIFFLAGS, SIOCGIFADDR, SIOCGIFBRDADDR, SIOCGIFNETMASK = 0x8913, 0x8915, 0x8919, 0x891B
IFF_UP, IFF_BROADCAST, IFF_LOOPBACK = 0x1, 0x2, 0x8


class Beacon:
    def __init__(self, interface, port):
        self.address, broadcast = find(interface)
        self.to = broadcast, port
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        for option in (socket.SO_BROADCAST, socket.SO_REUSEADDR, socket.SO_REUSEPORT):
            self.udp.setsockopt(socket.SOL_SOCKET, option, 1)
        self.udp.bind(self.to)
        self.udp.setblocking(False)
        self.transmit = b""
        self.changed = threading.Condition()
        self.ended = False
        threading.Thread(target=self.send, daemon=True).start()

    def publish(self, uuid, port, interval):
        with self.changed:
            self.transmit, self.interval, self.at = BEACON.pack(b"ZRE", 1, uuid, port), interval, 0
            self.changed.notify()

    def send(self):
        with self.changed:
            while not self.ended:
                left = self.at - time.monotonic() if self.transmit else None
                if left is None or left > 0:
                    self.changed.wait(left)
                    continue
                try:
                    self.udp.sendto(self.transmit, self.to)
                except OSError:
                    pass            # tried again at the next interval
                self.at = time.monotonic() + self.interval

    def receive(self):
        """The next beacon that is not our own: address, id and port; None when there is none."""
        while True:
            try:
                datagram, (address, _) = self.udp.recvfrom(256)
            except (BlockingIOError, InterruptedError):
                return None
            if len(datagram) == BEACON.size and datagram != self.transmit:
                protocol, version, uuid, port = BEACON.unpack(datagram)
                if (protocol, version) == (b"ZRE", 1):
                    return address, uuid, port

    def close(self):
        with self.changed:
            self.ended = True
            self.changed.notify()
            self.udp.close()


def find(wanted):
    """Address and broadcast address of an interface, or of the first that can broadcast."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        def ask(request, name):
            return fcntl.ioctl(probe, request, struct.pack("256s", name.encode()))

        def address(request, name):
            return ask(request, name)[20:24]

        for _, name in socket.if_nameindex():
            flags, = struct.unpack_from("H", ask(SIOCGIFFLAGS, name), 16)
            loopback = bool(flags & IFF_LOOPBACK)
            if not flags & IFF_UP or (name != wanted if wanted else loopback):
                continue
            try:
                own = address(SIOCGIFADDR, name)
                if loopback:        # it has none of its own, but this one works
                    mask = address(SIOCGIFNETMASK, name)
                    all = bytes(octet | ~free & 255 for octet, free in zip(own, mask))
                elif flags & IFF_BROADCAST:
                    all = address(SIOCGIFBRDADDR, name)
                else:
                    continue
            except OSError:
                continue            # no IPv4 address
            return socket.inet_ntoa(own), socket.inet_ntoa(all)
    raise SystemExit("no interface that can broadcast")
