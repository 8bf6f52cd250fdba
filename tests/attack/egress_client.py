# SPDX-License-Identifier: Apache-2.0
"""Attempts to reach an address past the relay, one per call: egress_client.py WHAT ADDRESS PORT.

Prints OK when the attempt looked successful to whoever made it, else the errno. Whether anything
arrived is not for this side to say: the test counts at the other end.
"""
import errno
import socket
import ssl
import sys

WAIT = 1     # seconds: longer than any answer here takes
MARK = b"MARK-of-the-attacker\n"


def tcp(address, port, family=socket.AF_INET, proto=0):
    sock = socket.socket(family, socket.SOCK_STREAM, proto)
    sock.settimeout(WAIT)
    sock.connect((address, port))
    return sock


def connect(address, port):
    sock = tcp(address, port, socket.AF_INET6 if ":" in address else socket.AF_INET)
    sock.sendall(MARK)
    sock.recv(1)


def mapped(address, port):
    sock = tcp("::ffff:" + address, port, socket.AF_INET6)
    sock.sendall(MARK)
    sock.recv(1)


def mptcp(address, port):
    sock = tcp(address, port, proto=262)
    sock.sendall(MARK)
    sock.recv(1)


def fastopen(address, port):
    sock = socket.socket()
    sock.settimeout(WAIT)
    sock.sendto(MARK, socket.MSG_FASTOPEN, (address, port))
    sock.recv(1)


def fastopen_message(address, port):
    sock = socket.socket()
    sock.settimeout(WAIT)
    sock.sendmsg([MARK], [], socket.MSG_FASTOPEN, (address, port))
    sock.recv(1)


def nonblocking(address, port):
    sock = socket.socket()
    sock.setblocking(False)
    sock.connect_ex((address, port))
    sock.settimeout(WAIT)
    sock.sendall(MARK)
    sock.recv(1)


def datagram(address, port):
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    sock.sendto(MARK, (address, port))


def connected_datagram(address, port):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.settimeout(1)
    sock.connect((address, port))
    sock.send(MARK)
    sock.recv(100)


def message(address, port):
    """One connected to an allowed place, each message to another."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.connect(("93.184.216.34", 53))
    sock.sendmsg([MARK], [], 0, (address, port))


def reconnect(address, port):
    """A socket that was connected to an allowed place is connected anew."""
    sock = tcp("93.184.216.34", 80)
    libc = __import__("ctypes").CDLL(None, use_errno=True)
    libc.connect(sock.fileno(), b"\0" * 16, 16)   # AF_UNSPEC
    sock.connect((address, port))
    sock.sendall(MARK)
    sock.recv(1)


def relay(address, port):
    """The relay's own port, by an address that says another number."""
    sock = tcp("127.128.0.7", 1)
    sock.sendall(MARK)


def http(address, port, text):
    sock = tcp(address, port)
    sock.sendall(text.encode("latin-1").decode("unicode_escape").encode("latin-1"))
    print(sock.recv(12).decode("latin-1"), end=" ")


def swap(address, port):
    """The request lies in a file's own pages (sendfile), which are changed while the relay looks at them."""
    import mmap
    import os
    import threading
    request = b"GET /hello HTTP/1.1\r\nHost: listed.test\r\nConnection: close\r\n\r\n"
    at, over, rounds = request.index(b"listed.test"), [], 0
    with open("swapped", "w+b") as file:
        file.write(request + b"\0" * (4096 - len(request)))
        file.flush()
        pages = mmap.mmap(file.fileno(), 4096)

        def flip():
            while not over:
                pages[at:at + 11] = b"flipped.evl"
                pages[at:at + 11] = b"listed.test"
        thread = threading.Thread(target=flip)
        thread.start()
        for _ in range(400):
            try:
                sock = tcp(address, port)
                os.sendfile(sock.fileno(), file.fileno(), 0, len(request))
                rounds += sock.recv(12) == b"HTTP/1.1 200"
            except OSError:
                pass
        over.append(1)
        thread.join()
    print(rounds > 0, end=" ")


def sni(address, port, name):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.wrap_socket(tcp(address, port), server_hostname=name or None).sendall(MARK)


def hello(address, port, what):
    """A beginning that is cut, or too long, or slow."""
    sock = tcp(address, port)
    sock.settimeout(15)
    if what == "cut":
        sock.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc")
        sock.shutdown(socket.SHUT_WR)
    elif what == "long":
        sock.sendall(b"".join(b"\x16\x03\x01\x00\x01" + bytes([b]) for b in b"\x01\x00\x3f\x00" + b"x" * 4000))
    elif what == "16k":
        sock.sendall(b"\x16\x03\x01\x40\x00" + b"\x01\x00\x3f\xfc" + b"x" * 16380)
    elif what == "slow":
        sock.sendall(b"\x16\x03\x01")
    sock.recv(1)


def resolve(name, _port):
    print(sorted({info[4][0] for info in socket.getaddrinfo(name, None)}), end=" ")


def main():
    what, address, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
    try:
        globals()[what](address, port, *sys.argv[4:])
        print("OK")
    except socket.gaierror as error:
        print("EAI", error.errno)
    except socket.timeout:
        print("TIMEOUT")
    except OSError as error:
        print(errno.errorcode.get(error.errno, str(error)))


main()
