#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The internet of a test, in a network namespace whose routes make every address its own: whatever
leaves the other side arrives here, is answered, and is counted twice, by the server and as packets
on the interface.

    networld.py DIR      reads DIR/zone and DIR/www, DIR/key.pem; writes DIR/seen.jsonl, DIR/packets, DIR/ready

zone, read anew for each question:   NAME TYPE VALUE [TTL]   TYPE: A AAAA CNAME NX SERVFAIL TC GARBAGE SILENT WRONGID
"""
import http.server
import json
import os
import socket
import socketserver
import ssl
import struct
import sys
import threading

DIR = sys.argv[1]
LOCK = threading.Lock()
SEEN = open(os.path.join(DIR, "seen.jsonl"), "a", buffering=1, encoding="utf-8")
PACKETS = open(os.path.join(DIR, "packets"), "a", buffering=1, encoding="utf-8")
TYPES = {"A": 1, "CNAME": 5, "AAAA": 28}


def seen(**what):
    with LOCK:
        SEEN.write(json.dumps(what) + "\n")


# ---- DNS ----

def pack_name(name):
    return b"".join(bytes([len(l)]) + l.encode() for l in name.rstrip(".").split(".") if l) + b"\0"


def read_name(message, at):
    labels = []
    while message[at]:
        labels.append(message[at + 1:at + 1 + message[at]].decode("latin-1"))
        at += 1 + message[at]
    return ".".join(labels).lower(), at + 1


def zone():
    rows = {}
    with open(os.path.join(DIR, "zone"), encoding="utf-8") as file:
        for line in file:
            words = line.split()
            if len(words) >= 2:
                rows.setdefault(words[0], []).append(words[1:])
    return rows


def records(rows, name, wanted):
    for row in rows.get(name, []):
        ttl = int(row[2]) if len(row) > 2 else 60
        if row[0] == "CNAME":
            yield name, 5, ttl, pack_name(row[1])
            yield from records({k: v for k, v in rows.items() if k != name}, row[1], wanted)
        elif TYPES.get(row[0]) == wanted:
            family = socket.AF_INET if wanted == 1 else socket.AF_INET6
            yield name, wanted, ttl, socket.inet_pton(family, row[1])


def answer(message, tcp):
    name, at = read_name(message, 12)
    wanted = struct.unpack("!H", message[at:at + 2])[0]
    question, rows = message[12:at + 4], zone()
    kinds = {row[0] for row in rows.get(name, [])}
    seen(kind="dns", name=name, type=wanted, tcp=tcp)
    if "SILENT" in kinds:
        return None
    if "GARBAGE" in kinds:
        return message[:2] + os.urandom(40)
    if "SERVFAIL" in kinds:
        return message[:2] + struct.pack("!HHHHH", 0x8182, 1, 0, 0, 0) + question
    if "TC" in kinds and not tcp:
        return message[:2] + struct.pack("!HHHHH", 0x8380, 1, 0, 0, 0) + question
    found = list(records(rows, name, wanted))
    rcode = 0 if found or name in rows else 3
    ident = bytes([message[0] ^ 1, message[1]]) if "WRONGID" in kinds else message[:2]
    body = b"".join(pack_name(n) + struct.pack("!HHIH", t, 1, ttl, len(d)) + d for n, t, ttl, d in found)
    return ident + struct.pack("!HHHHH", 0x8180 | rcode, 1, len(found), 0, 0) + question + body


def dns_udp():
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("10.77.0.2", 53))
    while True:
        message, peer = sock.recvfrom(4096)
        try:
            reply = answer(message, False)
        except (IndexError, struct.error):
            continue
        if reply:
            sock.sendto(reply, peer)


class DnsTcp(socketserver.BaseRequestHandler):
    def handle(self):
        head = self.request.recv(2, socket.MSG_WAITALL)
        reply = answer(self.request.recv(struct.unpack("!H", head)[0], socket.MSG_WAITALL), True)
        self.request.sendall(struct.pack("!H", len(reply)) + reply)


# ---- servers ----

class Web(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, *args, **kwargs):
        super().__init__(*args, directory=os.path.join(DIR, "www"), **kwargs)

    def note(self, length=0):
        seen(kind="http", to=self.connection.getsockname()[0], port=self.connection.getsockname()[1],
             host=self.headers.get("Host"), method=self.command, path=self.path, body=length)

    def do_GET(self):
        self.note()
        if self.path.startswith("/big/"):
            left, block = int(self.path[5:]), b"x" * 65536
            self.send_response(200)
            self.send_header("Content-Length", str(left))
            self.end_headers()
            while left > 0:
                self.wfile.write(block[:left])
                left -= min(left, len(block))
            return
        super().do_GET()

    def do_POST(self):
        if self.headers.get("Transfer-Encoding") == "chunked":
            length = 0
            while True:
                size = int(self.rfile.readline().split(b";")[0], 16)
                length += len(self.rfile.read(size))
                self.rfile.readline()
                if size == 0:
                    break
        else:
            length = len(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        self.note(length)
        reply = f"{length}\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, *args):
        pass


class Banner(socketserver.BaseRequestHandler):
    """Speaks first, then returns what it hears; at a port without a meaning of its own it only hears."""

    def handle(self):
        host, port = self.request.getsockname()[:2]
        seen(kind="tcp", to=host, port=port)
        if port == 2222:
            self.request.sendall(b"SSH-2.0-networld\r\n")
        total = 0
        try:
            while data := self.request.recv(65536):
                total += len(data)
                seen(kind="bytes", to=host, port=port, text=data[:200].decode("latin-1"), total=total)
                if port == 2222:
                    self.request.sendall(data)
        except OSError:
            pass


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 1024


class Server6(Server):
    address_family = socket.AF_INET6

    def server_bind(self):
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        super().server_bind()


class Tls:
    def __init__(self, *args):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(os.path.join(DIR, "key.pem"))
        self.context.sni_callback = lambda sock, name, context: seen(kind="sni", name=name)
        super().__init__(*args)

    def get_request(self):
        sock, peer = super().get_request()
        seen(kind="tcp", to=sock.getsockname()[0], port=443)
        return self.context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False), peer

    def handle_error(self, request, client_address):
        pass


class TlsServer(Tls, Server):
    pass


class TlsServer6(Tls, Server6):
    pass


def packets():
    """Every packet that comes in and begins a connection or carries something: protocol, destination, port, bytes. An
    end of an earlier connection may be late and says nothing."""
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
    sock.bind(("s0", 3))
    while True:
        data, (_, kind, direction, _, _) = sock.recvfrom(65536)
        if direction == socket.PACKET_OUTGOING:
            continue
        if kind == 0x0800:
            head, proto, to = (data[0] & 15) * 4, data[9], socket.inet_ntop(socket.AF_INET, data[16:20])
        elif kind == 0x86dd:
            head, proto, to = 40, data[6], socket.inet_ntop(socket.AF_INET6, data[24:40])
        else:
            continue
        if proto not in (6, 17):
            continue
        port = struct.unpack("!H", data[head + 2:head + 4])[0]
        length = len(data) - head - (8 if proto == 17 else (data[head + 12] >> 4) * 4)
        if proto == 6 and not data[head + 13] & 2 and length == 0:
            continue
        PACKETS.write(f"{'tcp' if proto == 6 else 'udp'} {to} {port} {length}\n")


def udp_sink():
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("0.0.0.0", 4433))
    while True:
        data, peer = sock.recvfrom(4096)
        seen(kind="udp", port=4433, bytes=len(data))
        sock.sendto(data, peer)


def main():
    servers = [Server(("10.77.0.2", 53), DnsTcp)]
    for port, handler in ((80, Web), (8080, Web), (2222, Banner), (9999, Banner), (25, Banner)):
        servers += [Server(("0.0.0.0", port), handler), Server6(("::", port), handler)]
    servers += [TlsServer(("0.0.0.0", 443), Web), TlsServer6(("::", 443), Web)]
    for run in [s.serve_forever for s in servers] + [dns_udp, packets, udp_sink]:
        threading.Thread(target=run, daemon=True).start()
    with open(os.path.join(DIR, "ready"), "w", encoding="utf-8") as file:
        file.write("ready\n")
    threading.Event().wait()


main()
