/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/why_danger.h"

#include "base/cleanup.h"

#define ANY_FILE (DANGER_READ | DANGER_WRITE)

static const char git_runs[] =
	"git runs the programs that it names as you, outside of every sandbox, with your next command there";
static const char agent_rules[] =
	"it says what the agent may do and which programs its next start runs; whoever writes it decides that";
static const char login_runs[] = "your next login or shell runs it as you, outside of every sandbox";
static const char build_runs[] = "the build servers run it with their own secrets and rights";
static const char identity[] = "whoever reads it is you on other machines, for good";
static const char account[] = "whoever reads it acts with your account until somebody takes the key back";
static const char publish[] = "whoever reads it publishes packages or pushes code in your name";
static const char system_secret[] = "it belongs to the whole machine, not to this work";

static const char by_yourself[] =
	"let the run write it under another name, read it, and put it in place yourself";
static const char hand_over[] =
	"give the run a value of its own with few rights: `secrets:` in the policy, or a test account";
static const char do_yourself[] = "do this step yourself, outside of the run";

/* In this order: the first that fits is said. */
static const struct danger dangers[] = {
	{ DANGER_WRITE, ".git/hooks", git_runs, by_yourself },
	{ DANGER_WRITE, ".git/config*", git_runs, "set it yourself with `git config`, outside of the run; "
	  "for one command `git -c KEY=VALUE` needs no file" },
	{ DANGER_WRITE, ".git/commondir", git_runs, do_yourself },
	{ DANGER_WRITE, ".git/modules", git_runs, do_yourself },
	{ DANGER_WRITE, ".claude", agent_rules, by_yourself },
	{ DANGER_WRITE, ".claude.json", agent_rules, by_yourself },
	{ DANGER_WRITE, ".mcp.json", agent_rules, by_yourself },
	{ DANGER_WRITE, ".codex", agent_rules, by_yourself },
	{ DANGER_WRITE, ".gemini", agent_rules, by_yourself },
	{ DANGER_WRITE, ".copilot", agent_rules, by_yourself },
	{ DANGER_WRITE, "opencode.json*", agent_rules, by_yourself },
	{ DANGER_WRITE, "opencode", agent_rules, by_yourself },
	{ DANGER_WRITE, ".aider*", agent_rules, by_yourself },
	{ DANGER_WRITE, ".bailiff*", "it holds the rules of the next run here", by_yourself },
	{ DANGER_WRITE, ".github", build_runs, by_yourself },
	{ DANGER_WRITE, ".gitlab-ci.yml", build_runs, by_yourself },
	{ DANGER_WRITE, ".ci", build_runs, by_yourself },
	{ DANGER_WRITE, "CODEOWNERS", "it says who must agree to a change", by_yourself },
	{ DANGER_WRITE, ".bashrc", login_runs, by_yourself },
	{ DANGER_WRITE, ".bash_profile", login_runs, by_yourself },
	{ DANGER_WRITE, ".profile", login_runs, by_yourself },
	{ DANGER_WRITE, ".zshrc", login_runs, by_yourself },
	{ DANGER_WRITE, ".config/autostart", login_runs, by_yourself },
	{ DANGER_WRITE, ".config/systemd", login_runs, by_yourself },
	{ DANGER_WRITE, ".gitconfig", git_runs, do_yourself },
	{ ANY_FILE, ".ssh", identity, "let the run use https, or push yourself afterwards" },
	{ ANY_FILE, ".gnupg", identity, "sign outside of the run" },
	{ ANY_FILE, ".local/share/keyrings", identity, hand_over },
	{ ANY_FILE, ".aws", account, hand_over },
	{ ANY_FILE, ".azure", account, hand_over },
	{ ANY_FILE, ".config/gcloud", account, hand_over },
	{ ANY_FILE, ".config/gh", publish, hand_over },
	{ ANY_FILE, ".kube", account, hand_over },
	{ ANY_FILE, ".docker", account, hand_over },
	{ ANY_FILE, ".netrc", account, hand_over },
	{ ANY_FILE, ".git-credentials", publish, "push yourself afterwards" },
	{ ANY_FILE, ".config/git/credentials", publish, "push yourself afterwards" },
	{ ANY_FILE, ".npmrc", publish, hand_over },
	{ ANY_FILE, ".pypirc", publish, hand_over },
	{ ANY_FILE, ".cargo/credentials*", publish, hand_over },
	{ ANY_FILE, ".env*", "it usually holds the keys of the application, and an agent sends what it reads to "
	  "its model", "keep a `.env.example` without values for the run to read" },
	{ ANY_FILE, ".bash_history", "commands that were typed once hold passwords", NULL },
	{ ANY_FILE, "/etc/shadow", system_secret, NULL },
	{ ANY_FILE, "/etc/gshadow", system_secret, NULL },
	{ ANY_FILE, "/etc/sudoers*", system_secret, NULL },
	{ ANY_FILE, "/etc/ssh", system_secret, NULL },
	{ ANY_FILE, "/etc/ssl/private", system_secret, NULL },
	{ ANY_FILE, "/var/lib/bailiff", "it is the record of what runs did", "`bailiff ledger` reads it outside" },
	{ ANY_FILE, "/run/bailiff/secrets", "a secret can be read once, by whoever is first; this was a second time",
	  "keep what the first reading gave, or give the value two names in `secrets:`" },
	{ ANY_FILE, "/run/bailiff", "through it a run could command its own supervisor", NULL },
	{ DANGER_WRITE, "/etc", "it changes the machine for everybody on it", do_yourself },
	{ DANGER_WRITE, "/usr", "programs there run with everybody's rights, root's too",
	  "install below the workspace or /tmp, or install it yourself" },
	{ DANGER_WRITE, "/boot", "it changes how the machine starts", do_yourself },
	{ DANGER_CONNECT, "unix:/run/docker.sock", "whoever talks to it is root on this machine", do_yourself },
	{ DANGER_CONNECT, "unix:/var/run/docker.sock", "whoever talks to it is root on this machine", do_yourself },
	{ DANGER_CONNECT, "unix:/run/bailiff", "a run could command its own supervisor", NULL },
	{ DANGER_CONNECT, "unix:", "services behind sockets trust whoever can reach them",
	  "start the service inside of the run, with a socket in the workspace or /tmp" },
	{ DANGER_CONNECT, "169.254.", "cloud metadata hands out this machine's own credentials", hand_over },
	{ DANGER_CONNECT, "[fe80:", "it reaches this machine's neighbours, past all firewalls", NULL },
	{ DANGER_CONNECT, "127.", "services of this machine trust whoever reaches them from it",
	  "start the service inside of the run" },
	{ DANGER_CONNECT, "[::1]", "services of this machine trust whoever reaches them from it",
	  "start the service inside of the run" },
	{ DANGER_CALL, "ptrace", "one process of the run could change what another one was allowed to do",
	  "print from the program, or debug outside of the run" },
	{ DANGER_CALL, "process_vm_*", "one process of the run could change what another one was allowed to do",
	  NULL },
	{ DANGER_CALL, "mount*", "what the run sees is made of mounts", do_yourself },
	{ DANGER_CALL, "bpf", "it reaches into the kernel that watches this run", do_yourself },
	{ DANGER_CALL, "setns", "it leaves the sandbox", NULL },
	{ DANGER_CALL, "unshare", "a user namespace gives rights in the kernel that most exploits begin with",
	  "switch off the program's own sandbox: Bailiff is one" },
	{ DANGER_CALL, "keyctl", "keyrings are shared with all that you run", NULL },
	{ DANGER_CALL, "*_module", "it changes the kernel", do_yourself },
};

/* `name` at `at`, up to a slash or the end; a final * takes the rest of the component. */
static bool stands_at(struct slice path, size_t at, const char *name)
{
	size_t len = strlen(name);
	bool open = len > 0 && name[len - 1] == '*';

	len -= open;
	if (path.len - at < len || memcmp(path.data + at, name, len) != 0)
		return false;
	return open || at + len == path.len || path.data[at + len] == '/';
}

static bool path_has(struct slice path, const char *name)
{
	if (name[0] == '/')
		return stands_at(path, 0, name);
	for (size_t i = 0; i < path.len; i++) {
		if (path.data[i] == '/' && stands_at(path, i + 1, name))
			return true;
	}
	return false;
}

static bool call_is(struct slice call, const char *name)
{
	size_t len = strlen(name);

	if (name[0] == '*')
		return call.len >= len - 1 && memcmp(call.data + call.len - (len - 1), name + 1, len - 1) == 0;
	if (name[len - 1] == '*')
		return slice_starts(call, slice_new(name, len - 1));
	return slice_is(call, name);
}

const struct danger *danger_of(enum danger_when when, struct slice object)
{
	for (size_t i = 0; i < COUNT(dangers); i++) {
		const struct danger *danger = &dangers[i];
		bool fits = false;

		if (!(danger->when & (unsigned int)when) || object.len == 0)
			continue;
		if (when == DANGER_CONNECT)
			fits = slice_starts(object, slice_of(danger->name));
		else if (when == DANGER_CALL)
			fits = call_is(object, danger->name);
		else
			fits = path_has(object, danger->name);
		if (fits)
			return danger;
	}
	return NULL;
}
