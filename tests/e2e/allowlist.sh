#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Real programs behind a list of names, without any proxy variable: curl, git over https, pip, npm, python, node,
# programs without a libc's resolver or without any library, servers that speak first. The servers are in a
# network namespace (lib/networld.sh); the ledger says what went where, by whom, how much and how long.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../lib/networld.sh"

trap 'world_stop; clean_up' EXIT
mkdir -p "$WORLD"
world_zone <<'END'
listed.test A 93.184.216.34
listed.test AAAA 2001:db8::34
six.test AAAA 2001:db8::36
alias.test CNAME target.elsewhere.test
target.elsewhere.test A 93.184.216.37
api.wild.test A 93.184.216.38
big.test TC x
big.test A 93.184.216.39
pypi.test A 93.184.216.40
npm.test A 93.184.216.41
END
world_start || { not_ok "the world starts"; diag <"$T/world.out"; finish; }
world_supervisor || { not_ok "the supervisor starts"; finish; }
cp "$WORLD/ca.pem" "$WORK/ca.pem"
cp "$PROBE" "$WORK/probe" && chmod 0755 "$WORK/probe"
cp "$(dirname "$0")/../attack/egress_client.py" "$WORK/client.py"
chmod 0644 "$WORK/ca.pem" "$WORK/client.py"

inside() { supervised --allow listed.test --allow '*.wild.test:443' --allow alias.test --allow six.test --allow big.test \
	--allow pypi.test:443 --allow npm.test:443 --allow 198.51.100.0/24:9999 -e SSL_CERT_FILE="$WORK/ca.pem" "$@"; }
says() { # DESCRIPTION WANT ARGS...
	says_what=$1 says_want=$2
	shift 2
	says_out=$(inside "$@" 2>"$T/err")
	is "$says_what" "$says_out" "$says_want"
	[ "$says_out" = "$says_want" ] || tail -n 5 "$T/err" | diag
}

curl="curl -sS --cacert ca.pem -m 20"
# shellcheck disable=SC2086
{
says "curl, http" hello -- $curl http://listed.test/hello
says "curl, https" hello -- $curl https://listed.test/hello
says "curl, https over IPv6" hello -- $curl -6 https://listed.test/hello
says "curl, a name with IPv6 only" hello -- $curl http://six.test/hello
says "curl, a wildcard" hello -- $curl https://api.wild.test/hello
says "curl, an alias" hello -- $curl https://alias.test/hello
says "curl, an answer that needs TCP" hello -- $curl http://big.test/hello
says "curl, upper case and a final dot" hello -- $curl http://LISTED.TEST./hello
says "curl, four requests on one connection" "hello
hello
hello
hello" -- $curl http://listed.test/hello http://listed.test/hello http://listed.test/hello http://listed.test/hello
says "curl, a POST in chunks" 100000 -- sh -c "head -c 100000 /dev/zero | $curl -H Expect: -H 'Transfer-Encoding: chunked' --data-binary @- http://listed.test/post"
says "curl, a POST with a length" 100000 -- sh -c "head -c 100000 /dev/zero | $curl --data-binary @- http://listed.test/post"
says "curl, 64 MiB" 67108864 -- sh -c "$curl https://listed.test/big/67108864 | wc -c"
says "the other end has its own address" "93.184.216.34:443" -- $curl -4 -o /dev/null -w '%{remote_ip}:%{remote_port}' https://listed.test/hello
}

# git over https, the dumb way: a folder that any server can show.
git init -q -b main "$T/repo" && (cd "$T/repo" && git -c user.name=n -c user.email=e commit -q --allow-empty -m "from afar")
git clone -q --bare "$T/repo" "$WORLD/www/repo.git" && git -C "$WORLD/www/repo.git" update-server-info
says "git clone over https" "from afar" -- sh -c 'mkdir r && git -c http.sslCAInfo=ca.pem clone -q https://listed.test/repo.git r/x 2>&1 && git -C r/x log --format=%s; rm -rf r'

says "python, urllib" "b'hello\n'" -- python3 -c 'import urllib.request; print(repr(urllib.request.urlopen("https://listed.test/hello").read()).replace("\\\\n","\n"))'
says "python, getpeername" "('93.184.216.34', 80)" -- python3 -c 'import socket; s=socket.create_connection(("listed.test",80)); print(s.getpeername())'
# As musl does it: from a socket that is not connected, looking at who answers.
says "DNS from a socket that is not connected" "10.1.2.3 53" -- python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(5)
s.sendto(b"\1\2\1\0\0\1\0\0\0\0\0\0\6listed\4test\0\0\1\0\1", ("10.1.2.3", 53))
data, peer = s.recvfrom(512)
print(*peer)'
says "DNS over TCP" "93.184.216.34" -- python3 -c '
import socket
s = socket.create_connection(("10.1.2.3", 53))
s.sendall(b"\0\x1d\1\2\1\0\0\1\0\0\0\0\0\0\6listed\4test\0\0\1\0\1")
print(socket.inet_ntoa(s.recv(512)[-4:]))'
says "a server that speaks first" "SSH-2.0-networld" -- python3 -c '
import socket
s = socket.create_connection(("listed.test", 2222))
print(s.recv(100).decode().strip())
s.sendall(b"x"); assert s.recv(1) == b"x"'
world_forget
inside -- ./probe connect4 198.51.100.7 9999 >"$T/static.out" 2>&1
is "a program without libraries reaches a listed network" "$(cat "$T/static.out")" OK
check "and the world saw it" world_saw '.kind == "tcp" and .to == "198.51.100.7"'
if command -v node >/dev/null; then
	says "node, fetch" "hello" -e NODE_EXTRA_CA_CERTS="$WORK/ca.pem" -- node -e '
		fetch("https://listed.test/hello").then(r => r.text()).then(t => console.log(t.trim()))'
	says "node, its own resolver" "93.184.216.34" -- node -e '
		require("dns").resolve4("listed.test", (e, a) => console.log(e ? e.code : a[0]))'
else
	skip node "node" "node is not installed"
fi

# pip: an index in a folder. npm: one package by its document.
mkdir -p "$WORLD/www/simple/tiny" "$T/tiny/tiny"
/usr/bin/python3 - "$WORLD/www/simple/tiny" <<'END'
import sys, zipfile
meta = "tiny-1.0.dist-info/"
with zipfile.ZipFile(sys.argv[1] + "/tiny-1.0-py3-none-any.whl", "w") as wheel:
    wheel.writestr("tiny.py", "print('from the index')\n")
    wheel.writestr(meta + "METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
    wheel.writestr(meta + "WHEEL", "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    wheel.writestr(meta + "RECORD", "tiny.py,,\n" + meta + "METADATA,,\n" + meta + "WHEEL,,\n" + meta + "RECORD,,\n")
open(sys.argv[1] + "/index.html", "w").write('<a href="tiny-1.0-py3-none-any.whl">tiny-1.0-py3-none-any.whl</a>')
END
if /usr/bin/python3 -m pip --version >/dev/null 2>&1; then
	says "pip install" "from the index" -- sh -c '/usr/bin/python3 -m pip install -q --disable-pip-version-check --no-cache-dir --cert ca.pem \
		--index-url https://pypi.test/simple --target lib tiny >&2 && PYTHONPATH=lib /usr/bin/python3 -c "import tiny"; rm -rf lib'
else
	skip pip "pip install" "pip is not installed"
fi
if command -v npm >/dev/null; then
	mkdir -p "$T/npm/package" && echo '{"name":"tiny","version":"1.0.0"}' >"$T/npm/package/package.json"
	tar -czf "$WORLD/www/tiny-1.0.0.tgz" -C "$T/npm" package
	printf '{"name":"tiny","dist-tags":{"latest":"1.0.0"},"versions":{"1.0.0":{"name":"tiny","version":"1.0.0","dist":{"tarball":"https://npm.test/tiny-1.0.0.tgz"}}}}' \
		>"$WORLD/www/tiny"
	says "npm install" "1.0.0" -- sh -c 'mkdir n && cd n && echo "{}" >package.json && npm install --silent --no-audit --no-fund --cafile ../ca.pem \
		--registry https://npm.test/ tiny >&2 && node -p "require(\"tiny/package.json\").version"; cd .. && rm -rf n'
else
	skip npm "npm install" "npm is not installed"
fi

# What the ledger has.
check "DNS is in the ledger with its answer" recorded '.kind == "dns" and .comm == "curl" and (.sentence | test("asked for the address of .*: [0-9]"))'
check "a connection with its name and process" recorded '.kind == "connect" and .address == "93.184.216.34:443" and .comm == "curl" and .detail.host == "listed.test"'
check "its end with bytes and time" recorded '.kind == "flow_end" and .detail.host == "listed.test" and .detail.bytes_in > 67108864 and .detail.microseconds > 0'
check "and as a sentence" sh -c '"$1" ledger log --state-dir "$2" -n 100000 | grep -Eq "ended the connection to 93.184.216.34:443 \(listed.test\), sent [0-9]+ and received [0-9]+ bytes in [0-9.]+"' - "$BAILIFF" "$STATE"

# A refusal counts like any other: deny says so, violate ends the run.
inside -- $curl http://evil.test/ >"$T/out" 2>&1
is "an unlisted name: curl says that it does not exist" "$(cut -c 1-9 <"$T/out")" "curl: (6)"
check "the ledger says what to add" recorded '.kind == "decision" and .address == "evil.test" and (.detail.remedy | test("--allow evil.test:443"))'
printf 'schema: 1\nname: strict\nextends: default\nnetwork: {mode: allowlist, allow: [listed.test], on_scope: violate}\n' >"$WORK/strict.yaml"
chmod 0644 "$WORK/strict.yaml"
supervised -p ./strict.yaml -- sh -c 'curl -s -m 5 http://evil.test/; echo again; curl -s -m 5 http://worse.test/; sleep 5; echo never' >"$T/out" 2>"$T/err"
is "on_scope: violate: the second unlisted name ends the run" "$? $(tr '\n' ' ' <"$T/out")" "123 again "
check "it says why" grep -q "SCOPE_VIOLATION .*worse.test" "$T/err"
supervised -p ./strict.yaml -- sh -c 'curl -s -m 5 http://listed.test/hello; curl -sk -m 5 --connect-to evil.test:443:listed.test:443 https://evil.test/; true' >"$T/out" 2>"$T/err"
is "a name that lies in TLS counts once for each try" "$?" 0
check "its ledger verifies" verifies
finish
