#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Ports of a run that the host reaches (network.expose), and sockets of the host that a run reaches
# (network.allow_unix): these, and no others.
. "$(dirname "$0")/lib.sh"

cp "$PROBE" "$WORK/probe" && chmod 0755 "$WORK/probe"
port=$((20000 + $$ % 20000))
cat >"$WORK/serve.py" <<'END'
import http.server, os, sys
class Hello(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        if self.path == "/end": os._exit(7)
        body = b"from inside\n" if self.path == "/" else b"x" * int(self.path[1:])
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers(); self.wfile.write(body)
    def log_message(self, *args): pass
servers = [http.server.ThreadingHTTPServer(("127.0.0.1", int(p)), Hello) for p in sys.argv[1:]]
import threading
for server in servers[1:]: threading.Thread(target=server.serve_forever, daemon=True).start()
print("up", flush=True)
servers[0].serve_forever()
END
cat >"$T/unix.py" <<'END'
import os, socket, sys
listeners = []
for path in sys.argv[1:]:
    s = socket.socket(socket.AF_UNIX); s.bind(path); s.listen(); os.chmod(path, 0o777); listeners.append(s)
print("up", flush=True)
while True:
    listeners[0].accept()[0].close()
END
named=/run/bailiff-test-$$.sock other=/run/bailiff-test-$$-other.sock
/usr/bin/python3 "$T/unix.py" "$named" "$other" >"$T/unix.out" 2>&1 &
unix=$!
trap 'kill $unix 2>/dev/null; rm -f "$named" "$other"; clean_up' EXIT
wait_for 10 grep -q up "$T/unix.out"
start_supervisor || { not_ok "the supervisor starts"; finish; }
printf 'schema: 1\nname: open\nextends: default\nnetwork: {mode: allowlist, expose: [%s], allow_unix: [%s]}\n' "$port" "$named" >"$WORK/open.yaml"
printf 'schema: 1\nname: gone\nextends: default\nnetwork: {allow_unix: [/run/bailiff-no-such.sock]}\n' >"$WORK/gone.yaml"
chmod 0644 "$WORK/open.yaml" "$WORK/gone.yaml" "$WORK/serve.py"

# From the host into the run.
supervised -p ./open.yaml -- python3 serve.py "$port" $((port + 1)) >"$T/serve.out" 2>"$T/err" &
run=$!
wait_for 20 grep -q up "$T/serve.out"
is "the host reaches an exposed port" "$(curl -sS -m 5 "http://127.0.0.1:$port/" 2>&1)" "from inside"
refute "another port of the run it does not" curl -s -m 5 "http://127.0.0.1:$((port + 1))/"
is "32 MiB come through" "$(curl -s -m 20 "http://127.0.0.1:$port/33554432" | wc -c)" 33554432
all=$(seq 200 | xargs -P 8 -I{} curl -s -m 10 "http://127.0.0.1:$port/" | sort | uniq -c | tr -s ' ')
is "200 connections, more than there are sockets for at once" "$all" " 200 from inside"
check "they are in the ledger" recorded '.kind == "flow_end" and .address == "127.0.0.1:'"$port"'" and .detail.bytes_in > 33554432'
out=$(supervised -p ./open.yaml -- true 2>&1)
is "a port that is taken refuses the start" "$?" 122
check "and says which" sh -c 'echo "$1" | grep -q "127.0.0.1:$2"' - "$out" "$port"
curl -s -m 5 "http://127.0.0.1:$port/end"
wait "$run"
is "the run ends as it would without" "$?" 7
refute "after the run nobody listens" curl -s -m 1 "http://127.0.0.1:$port/"

# From the run to a socket of the host.
is "control: both sockets take connections outside" "$(unsupervised ./probe connect-unix "$named") $(unsupervised ./probe connect-unix "$other")" "OK OK"
is "a named socket is reached" "$(supervised -p ./open.yaml -- ./probe connect-unix "$named" 2>&1)" OK
denied "the one beside it is not" -p ./open.yaml -- ./probe connect-unix "$other"
denied "without the name it is not either" -- ./probe connect-unix "$named"
check "a connection to it is in the ledger" recorded '.kind == "connect" and (tostring | test("unix:'"$named"'"))'
denied "the socket's name cannot be replaced" -p ./open.yaml -- ./probe unlink "$named"
out=$(supervised -p ./gone.yaml -- true 2>&1)
is "a socket that is not there refuses the start" "$?" 122
check "and says which, and what to do" sh -c 'echo "$1" | grep -q "bailiff-no-such.sock" && echo "$1" | grep -q "next: start the service"' - "$out"
printf 'schema: 1\nname: low\nextends: default\nnetwork: {mode: allowlist, expose: [80]}\n' >"$WORK/low.yaml"
supervised -p ./low.yaml -- true 2>"$T/err"
is "a port below 1024 is no policy" "$?" 120
check "its ledger verifies" verifies
finish
