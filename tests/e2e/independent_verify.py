#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A stranger checks a ledger: from the file alone, with sqlite3, cbor2 and cryptography, and with the
Go checksum database's libraries (tlogcheck). Nothing here shares code with Bailiff. The ledger is
one that bailiff-ledgerd wrote for this test, with this script in bailiffd's place."""
import base64
import fcntl
import hashlib
import os
import shutil
import socket
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time

import cbor2
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

TOP = os.environ.get("BAILIFF_TOP") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.environ.get("BAILIFF_BIN") or TOP + "/out/release/bin"

# Kinds, keys and pair types, as ledger/record.cddl has them.
CREATE, OPEN_WRITE, EXEC, RUN_START, RUN_END, DECISION, VIOLATION = 16, 17, 41, 128, 132, 144, 160
K_POLICY, K_OWNER, K_TYPE, K_STATUS_TO, K_RECORDS, K_VKEY, K_ORIGIN, K_SEAL = 22, 25, 19, 30, 39, 49, 47, 63
UINT, TEXT, BYTES = 1, 3, 4
STATUSES = ["PENDING", "STARTING", "RUNNING", "PAUSED", "RECOVERING", "COMPLETED", "FAILED", "REVOKED"]

count = failed = 0


def check(what, good, why=""):
    global count, failed
    count += 1
    failed += not good
    print(("ok" if good else "not ok"), count, "-", what)
    if not good and why:
        print("#", why)


# ---- a producer ----------------------------------------------------------------------------------

def padded(data):
    return data + bytes(-len(data) % 8)


def record(kind, run=bytes(16), obj=b"", obj2=b"", pairs=(), pid=0, verdict=0, sev=0, rule=b""):
    tail = padded(obj) + padded(obj2)
    for key, kind_of_pair, value in pairs:
        data = b"" if kind_of_pair == UINT else value
        tail += struct.pack("<HHIQ", key, kind_of_pair, len(data), value if kind_of_pair == UINT else 0)
        tail += padded(data)
    fixed = struct.pack("<IHHQQ16sQIIQIIQQQQqBBBBIIHHBB6x32s32s64s64s", 328 + len(tail), kind, 0,
                        time.time_ns(), time.clock_gettime_ns(time.CLOCK_BOOTTIME), run,
                        pid * 1000, pid, 0, 0, 0, 0, 0, 0, 0, 0, 0, verdict, sev, 0, 0, len(obj), len(obj2),
                        len(pairs), 0, 0, 0, bytes(32), bytes(32), rule, b"")
    return fixed + tail


class Producer:
    def __init__(self, folder):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        folder_fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        self.process = subprocess.Popen([BIN + "/bailiff-ledgerd", "--socket-fd", str(theirs.fileno()),
                                         "--dir-fd", str(folder_fd)], pass_fds=[theirs.fileno(), folder_fd])
        theirs.close()
        os.close(folder_fd)
        self.socket, self.cursor = ours, 0
        self.socket.settimeout(30)
        self.wait(0)

    def wait(self, cursor):
        while True:
            answer = self.socket.recv(24)
            if len(answer) != 24:
                sys.exit("bailiff-ledgerd ended")
            acked, _, status, error = struct.unpack("<QQIi", answer)
            if status != 0:
                sys.exit("bailiff-ledgerd refused record %d: %d" % (acked, error))
            if acked >= cursor:
                return

    def head(self, message, number, length, digest=bytes(32)):
        self.cursor += number or 1
        return struct.pack("<IIIIQ32s", 1, message, number, 56 + length, self.cursor, digest)

    def send(self, *records):
        body = b"".join(records)
        self.socket.send(self.head(1, len(records), len(body)) + body)
        self.wait(self.cursor)

    def document(self, data):
        fd = os.memfd_create("policy", os.MFD_ALLOW_SEALING)
        os.write(fd, data)
        fcntl.fcntl(fd, 1033, 0x1 | 0x2 | 0x4 | 0x8)  # F_ADD_SEALS: seal, shrink, grow, write
        digest = hashlib.sha256(data).digest()
        socket.send_fds(self.socket, [self.head(2, 0, 0, digest)], [fd])
        os.close(fd)
        self.wait(self.cursor)
        return digest

    def stop(self):
        self.socket.send(self.head(4, 0, 0))
        self.process.wait(30)


def write_log(folder):
    producer = Producer(folder)
    policy = producer.document(b'{"name":"e2e"}')
    for number in range(3):
        run = bytes([number + 1]) * 16
        producer.send(record(RUN_START, run, pairs=[(K_POLICY, BYTES, policy), (K_OWNER, TEXT, b"user:u1")]))
        producer.send(record(EXEC, run, b"/usr/bin/true", pid=100 + number))
        for start in range(0, 400, 100):
            producer.send(*[record(CREATE if i % 2 else OPEN_WRITE, run, b"/tmp/file%d" % (start + i),
                                   pid=100 + number) for i in range(100)])
        producer.send(record(DECISION, run, b"/etc/x\xff", pid=100 + number, verdict=2, rule=b"files.write"))
        producer.send(record(VIOLATION, run, b"/etc/x", sev=3, rule=b"files.write",
                             pairs=[(K_TYPE, TEXT, b"SCOPE_VIOLATION")]))
        producer.send(record(RUN_END, run, pairs=[(K_STATUS_TO, TEXT, STATUSES[5 + number].encode())]))
    producer.stop()


# ---- a stranger ----------------------------------------------------------------------------------

def node(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
    """RFC 6962 by its definition, over the roots of complete subtrees."""

    def __init__(self):
        self.edges, self.size = [], 0

    def add(self, leaf):
        self.edges.append((1, leaf))
        self.size += 1
        while len(self.edges) > 1 and self.edges[-1][0] == self.edges[-2][0]:
            (n, right), (_, left) = self.edges.pop(), self.edges.pop()
            self.edges.append((2 * n, node(left, right)))

    def root(self):
        root = None
        for _, edge in reversed(self.edges):
            root = edge if root is None else node(edge, root)
        return root or hashlib.sha256(b"").digest()


def open_vkey(vkey):
    name, key_id, data = vkey.split("+", 2)
    data = base64.b64decode(data, validate=True)
    want = hashlib.sha256(name.encode() + b"\n" + data).digest()[:4].hex()
    if data[0] != 1 or key_id != want:
        raise ValueError("key id of " + name)
    return name, bytes.fromhex(key_id), Ed25519PublicKey.from_public_bytes(data[1:])


def signed_by(note, key):
    """True when exactly this key signed; a bad signature raises."""
    body, lines = note.rsplit("\n\n", 1)
    for line in lines.splitlines():
        dash, name, data = line.split(" ")
        data = base64.b64decode(data, validate=True)
        if dash == "\u2014" and name == key[0] and data[:4] == key[1]:
            key[2].verify(data[4:], body.encode() + b"\n")
            return True
    return False


def run_states(records):
    """What became of each run, from the records alone."""
    runs, chains = {}, {}
    for seq, fields, leaf in records:
        run = fields.get(5)
        if run is None:
            continue
        next_number, last = chains.get(run, (0, None))
        if fields.get(6) != next_number or fields.get(7) != last:
            raise ValueError("record %d breaks the chain of its run" % seq)
        chains[run] = (next_number + 1, leaf)
        detail = fields.get(20, {})
        if fields[1] == RUN_START:
            runs[run] = {"id": seq, "status": 1, "rcount": None, "violations": 0}
        if fields[1] == VIOLATION:
            runs[run]["violations"] += 1
        if fields[1] == RUN_END:
            runs[run]["status"] = STATUSES.index(detail[K_STATUS_TO])
            runs[run]["rcount"] = detail[K_RECORDS]
            if detail[K_RECORDS] != next_number + 1:
                raise ValueError("record %d miscounts its run" % seq)
    return runs


def verify(path):
    """Raises on the first thing that does not hold. Returns (vkey, leaves, notes)."""
    db = sqlite3.connect("file:%s?mode=ro" % path, uri=True)
    db.text_factory = lambda data: data.decode()
    checkpoints = {size: (root, note) for size, root, note in
                   db.execute("SELECT size, root, note FROM checkpoint ORDER BY size")}
    tiles = {n: hashes for n, hashes in db.execute("SELECT n, hashes FROM tile WHERE level = 0")}
    tree, records, leaves, roots = Tree(), [], [], {}
    for seq, rec in db.execute("SELECT seq, rec FROM event ORDER BY seq"):
        fields = cbor2.loads(rec)
        if seq != len(leaves) or cbor2.dumps(fields, canonical=True) != rec:
            raise ValueError("record %d is missing or not in its one form" % seq)
        leaf = hashlib.sha256(b"\x00" + rec).digest()
        if tiles[seq // 256][32 * (seq % 256):][:32] != leaf:
            raise ValueError("record %d is not in its tile" % seq)
        tree.add(leaf)
        leaves.append(leaf)
        records.append((seq, fields, leaf))
        if tree.size in checkpoints:
            roots[tree.size] = tree.root()
    genesis = records[0][1]
    detail = genesis[20]
    identity, seal = open_vkey(detail[K_VKEY]), open_vkey(detail[K_SEAL])
    if genesis[1] != 0 or identity[0] != detail[K_ORIGIN]:
        raise ValueError("record 0 is no genesis of this log")
    for size, (root, note) in checkpoints.items():
        text = base64.b64encode(roots[size]).decode()
        if root != roots[size] or note.split("\n\n")[0] != "%s\n%d\n%s" % (identity[0], size, text):
            raise ValueError("the checkpoint of %d is not of this tree" % size)
        if not signed_by(note, identity) or not signed_by(note, seal):
            raise ValueError("the checkpoint of %d lacks a signature" % size)
    if not checkpoints or max(checkpoints) != len(leaves):
        raise ValueError("the newest records are not signed")
    for run, state in run_states(records).items():
        row = db.execute("SELECT id, status, rcount, (SELECT count(*) FROM violation v WHERE v.run = run.id)"
                         " FROM run WHERE uid = ?", (run,)).fetchone()
        if row != (state["id"], state["status"], state["rcount"], state["violations"]):
            raise ValueError("table run has %r, the records give %r" % (row, state))
    db.close()
    return detail[K_VKEY], leaves, [note for _, note in checkpoints.values()]


def refused(path, sql):
    """True when a copy of the ledger with this change does not verify."""
    changed = path + ".changed"
    shutil.copy(path, changed)
    db = sqlite3.connect(changed)
    for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
        db.execute("DROP TRIGGER " + name)
    db.execute(sql)
    db.commit()
    db.close()
    try:
        verify(changed)
    except (ValueError, KeyError, IndexError, InvalidSignature, cbor2.CBORDecodeError):
        return True
    return False


def say(*argv):
    return subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def check_with_go(work, ledger, vkey, leaves, notes):
    go = work + "/tlogcheck"
    env = dict(os.environ, GO111MODULE="off", GOPATH="/usr/share/gocode", GOCACHE=work + "/cache", GOFLAGS="")
    built = subprocess.run(["go", "build", "-o", go, TOP + "/tests/e2e/tlogcheck/main.go"], env=env,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    check("tlogcheck builds", built.returncode == 0, built.stdout)
    if built.returncode:
        return
    with open(work + "/leaves", "wb") as out:
        out.write(b"".join(leaves))
    names = []
    for number, note in enumerate(notes):
        names.append("%s/note%d" % (work, number))
        with open(names[-1], "w") as out:
            out.write(note)
    done = say(go, "tree", vkey, work + "/leaves", *names)
    check("Go agrees with every root, signature and growth", done.returncode == 0, done.stdout)
    wrong = vkey.replace("+", "x+", 1)
    check("Go refuses another key", say(go, "tree", wrong, work + "/leaves", *names).returncode != 0)
    for seq in (0, 1, 255, 256, 700, len(leaves) - 1):
        proof = "%s/p%d" % (work, seq)
        done = say(BIN + "/bailiff", "ledger", "prove", str(seq), "--db", ledger, "-o", proof + ".tlog-proof")
        check("record %d is proved" % seq, done.returncode == 0, done.stdout)
        done = say(go, "proof", vkey, proof + ".tlog-proof", proof + ".rec")
        check("Go takes the proof of record %d" % seq, done.returncode == 0, done.stdout)
    with open(proof + ".rec", "ab") as out:
        out.write(b"\0")
    check("Go refuses it for other bytes", say(go, "proof", vkey, proof + ".tlog-proof", proof + ".rec").returncode != 0)


def main():
    work = tempfile.mkdtemp(prefix="bailiff-stranger-")
    try:
        os.mkdir(work + "/log", 0o750)
        write_log(work + "/log")
        ledger = work + "/log/1/ledger.db"
        try:
            vkey, leaves, notes = verify(ledger)
            check("the whole log verifies from its file alone", True)
        except Exception as why:  # whatever it is, it is the result
            check("the whole log verifies from its file alone", False, repr(why))
            return
        check("it has what was sent", len(leaves) > 3 * 406)
        db = sqlite3.connect(ledger)
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        db.close()
        for sql in ("UPDATE event SET rec = (SELECT rec FROM event WHERE seq = 21) WHERE seq = 20",
                    "DELETE FROM event WHERE seq = 500", "UPDATE run SET status = 5",
                    "DELETE FROM event WHERE seq > 1000", "UPDATE tile SET hashes = zeroblob(32 * w)",
                    "UPDATE checkpoint SET note = replace(note, 'A', 'B')"):
            check("refused after: " + sql, refused(ledger, sql))
        done = say(BIN + "/bailiff", "ledger", "verify", "--db", ledger, "--key", vkey, "--no-memory")
        check("our own verify agrees", done.returncode == 0, done.stdout)
        check_with_go(work, ledger, vkey, leaves, notes)
    finally:
        shutil.rmtree(work)
        print("1..%d" % count)
        sys.stdout.flush()
    sys.exit(failed > 0)


main()
