#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The attacker executes what the policy denies: through shells and helpers, under another name, as a copy or a
# link, by a loader, from memory, as an interpreter of a script, from a thread. The denied program must not
# execute a single instruction: its file does not appear.
# shellcheck disable=SC2016,SC2154  # scripts are for the shell inside; exec_lib.sh assigns the policies
. "$(dirname "$0")/../e2e/lib.sh"
. "$(dirname "$0")/exec_lib.sh"

attack "by its name" 'mkfifo RAN'
attack "by its path" '/usr/bin/mkfifo RAN'
attack "through sh -c" 'sh -c "mkfifo RAN"'
attack "through env" 'env -i A=1 /usr/bin/mkfifo RAN'
attack "through xargs" 'echo RAN | xargs mkfifo'
attack "through find, timeout, nice, setsid" 'find . -maxdepth 0 -exec timeout 5 nice setsid -w mkfifo RAN \;'
attack "through make" 'printf "all:\n\tmkfifo RAN\n" >m && make -f m'
attack "through python" 'python3 -c "import os; os.execvp(\"mkfifo\", [\"mkfifo\", \"RAN\"])"'
attack "under a false name" 'python3 -c "import os; os.execv(\"/usr/bin/mkfifo\", [\"ls\", \"RAN\"])"'
attack "under no name" 'perl -e "exec {\"/usr/bin/mkfifo\"} \"\", \"RAN\""'
attack "as a renamed copy" 'cp /usr/bin/mkfifo x && ./x RAN'
attack "as a hard link to a copy" 'cp /usr/bin/mkfifo x && ln x y && rm x && ./y RAN'
attack "as a copy in /tmp" 'cp /usr/bin/mkfifo /tmp/x.$$ && /tmp/x.$$ RAN'
attack "by a symbolic link" 'ln -s /usr/bin/mkfifo l && ./l RAN'
attack "by a chain of links" 'ln -s /usr/bin/mkfifo l && ln -s l m && ln -s "$PWD/m" n && ./n RAN'
attack "by a path with detours" '../"${PWD##*/}"/..//../usr/bin/mkfifo RAN || /usr/../usr/./bin//mkfifo RAN'
attack "by the loader" '/lib64/ld-linux-x86-64.so.2 /usr/bin/mkfifo RAN'
attack "by a copy of the loader" 'cp -L /lib64/ld-linux-x86-64.so.2 x && ./x /usr/bin/mkfifo RAN'
attack "from memory" 'python3 -c "
import os
fd = os.memfd_create(\"x\")
os.write(fd, open(\"/usr/bin/mkfifo\", \"rb\").read())
os.execv(\"/proc/self/fd/%d\" % fd, [\"x\", \"RAN\"])"'
attack "by a descriptor" 'python3 -c "
import os
os.execve(os.open(\"/usr/bin/mkfifo\", os.O_RDONLY), [\"x\", \"RAN\"], {})"'
attack "by a descriptor of its directory" 'python3 -c "
import ctypes, os
argv = (ctypes.c_char_p * 3)(b\"x\", b\"RAN\", None)
ctypes.CDLL(None).execveat(os.open(\"/usr/bin\", os.O_RDONLY), b\"mkfifo\", argv, (ctypes.c_char_p * 1)(None), 0)"'
attack "as an interpreter" 'printf "#!/usr/bin/mkfifo RAN\n" >s && chmod 755 s && ./s'
attack "as an interpreter of an interpreter" 'printf "#!/usr/bin/mkfifo RAN\n" >s && printf "#!$PWD/s\n" >t && chmod 755 s t && ./t'
attack "by env as an interpreter" 'printf "#!/usr/bin/env -S mkfifo RAN\n" >s && chmod 755 s && ./s'
attack "as an interpreter of a copy" 'cp /usr/bin/mkfifo x && printf "#!$PWD/x RAN\n" >s && chmod 755 s && ./s'
attack "from a thread" 'python3 -c "
import os, threading
threading.Thread(target=os.execv, args=(\"/usr/bin/mkfifo\", [\"x\", \"RAN\"])).start()"'
attack "by vfork" 'python3 -c "
import subprocess
subprocess.run([\"/usr/bin/mkfifo\", \"RAN\"], close_fds=False)"'
attack "by posix_spawn" 'python3 -c "
import os
os.waitpid(os.posix_spawn(\"/usr/bin/mkfifo\", [\"x\", \"RAN\"], {}), 0)"'
attack "by an argument" 'mkdir RAN'
attack "by an argument behind options" 'mkdir -v -- RAN'
attack "by a script of which only a descriptor is left" 'printf "#!/bin/sh\n: >RAN\n" >s && chmod 755 s && python3 -c "
import os
fd = os.open(\"s\", os.O_RDONLY)
os.set_inheritable(fd, True)
os.unlink(\"s\")
os.execve(fd, [\"s\"], {\"PATH\": \"/usr/bin:/bin\"})"'
if [ -x /usr/bin/busybox ] || [ -x /bin/busybox ]; then
	attack "as an applet" 'busybox mkfifo RAN'
	attack "as an applet in a shell of applets" 'busybox sh -c "busybox mkfifo RAN"'
	attack "as an applet of a copy" 'cp "$(command -v busybox)" busyboxy && ./busyboxy mkfifo RAN'
else
	skip busybox "as an applet" "no busybox here"
fi
attack "more than two megabytes of arguments" 'ulimit -s unlimited 2>/dev/null; python3 -c "
import os
os.execv(\"/usr/bin/mkfifo\", [\"x\", \"RAN\"] + [\"x\" * 120000] * 19)"'
attack "more words than are looked at" 'python3 -c "
import os
os.execv(\"/usr/bin/mkfifo\", [\"x\", \"RAN\"] + [\"RAN\"] * 5000)"'

works "the command of a run" 'echo "$0" a'
works "scripts with all kinds of first lines" '
i=0
for line in "#!/bin/echo" "#! /bin/echo" "#!/bin/echo one two" "#!/bin/echo	tab	" "#!/bin/echo -n  " "#!/bin/sh" "#!/usr/bin/env -S echo x y"; do
	i=$((i + 1))
	printf "%s\necho script \$0 \$*\n" "$line" >s$i
	chmod 755 s$i
	./s$i a "b c" ""
	"$PWD/s$i"
done
printf "#!/bin/echo none" >n1; printf "#!/bin/echo blank " >n2; printf "#!/bin/echo" >n3; printf "#!$PWD/s3 deep" >n4
chmod 755 n?; for n in ./n1 ./n2 ./n3 ./n4; do $n z; done; PATH=$PWD:$PATH n4 q'
works "what is no program says so" 'echo : >e; chmod 755 e; python3 -c "
import os
for path in \"./e\", \"./none\", \"/etc\", \"\", \"/usr/bin/true/x\":
    try: os.execv(path, [\"x\"])
    except OSError as e: print(path, e.errno)"'
works "from a thread" 'python3 -c "
import os, threading
threading.Thread(target=os.execv, args=(\"/bin/echo\", [\"x\", \"from a thread\"])).start()"'
works "itself again" 'python3 -c "
import os
os.execv(\"/proc/self/exe\", [\"python3\", \"-c\", \"print(1)\"])"'
works "a megabyte of arguments" 'python3 -c "
import os
os.execv(\"/bin/echo\", [\"echo\"] + [\"x\" * 1000] * 1000)" | wc -c'
works "relative to a directory that is deep" 'mkdir -p a/b/c && cd a/b/c && printf "#!/bin/sh\npwd | sed s,.*/work,,\n" >s && chmod 755 s && ./s && ../c/s && cd .. && c/s'
works "many at once" 'for i in $(seq 50); do (/bin/true; /bin/true) & done; wait; echo done'
clean
for from in $brokered $direct; do
	is "works ($(basename "$from" .yaml)): programs of an overlay, made and changed there" "$(supervised --overlay -p "$from" -- sh -c '
cp /usr/bin/echo e; ./e 1; printf "#!/bin/sh\necho 2\n" >s; chmod 755 s; ./s; echo "echo 3" >>s; ./s; mv s t; ./t' 2>&1 |
		tr -d '\n')" 122323
done
denial=$(ledger log --json -n 1000000 | jq -r 'select(.kind == "decision" and .rule == "no-fifos") | .seq' | head -n 1)
"$BAILIFF" why --state-dir "$STATE" "$denial" >"$T/why" 2>&1
check "the denial is explained: rule, reason and what to do" grep -q 'no queues here' "$T/why"
check "the denial is in the ledger, with what it was" recorded '.kind == "decision" and .verdict == "deny" and
	.rule == "no-fifos" and .detail.capability == "fifo.make" and .detail.blocked_by == "POLICY_DENY" and .path == "/usr/bin/mkfifo"'
check "what is allowed is in the ledger, some of it" recorded '.kind == "decision" and (.verdict // "") == "" and .rule == "ordinary"'
check "what could not be looked at whole is said" recorded '.kind == "decision" and .verdict == "deny" and .rule == "exec.unfit"'
check "its ledger verifies" verifies
finish
