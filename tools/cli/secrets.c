/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/secrets.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/io.h"
#include "base/loop.h"
#include "base/proc.h"
#include "base/sys.h"
#include "base/text.h"
#include "cli/cli.h"
#include "plan/secrets.h"

#define FILE_TIMEOUT_NS 10000000000U   /* a network file system that hangs */
#define NS_PER_MS 1000000U
#define PATH_BYTES 4096U

/* What the reading child ends with; a command ends with its own. */
enum child_exit { CHILD_NO_FILE = 200, CHILD_NOT_REGULAR, CHILD_NOT_CALLER, CHILD_NO_PROGRAM };

struct secrets {
	const struct policy *policy;
	const struct identity *identity;
	const struct run_env *env;
	struct secrets_head head;
	char *values;                 /* PLAN_SECRETS_MAX * SECRET_BYTES_MAX, one behind the other */
	size_t len;
};

static void secrets_finish(struct secrets *secrets)
{
	size_t size = (size_t)PLAN_SECRETS_MAX * SECRET_BYTES_MAX;

	if (!secrets->values)
		return;
	explicit_bzero(secrets->values, size);
	IGNORE(munmap(secrets->values, size) < 0);
}

/* In no core, also of a program that a debugger stops: from here on only root may look into us. */
static int secrets_init(struct secrets *secrets)
{
	size_t size = (size_t)PLAN_SECRETS_MAX * SECRET_BYTES_MAX;
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return -errno;
	secrets->values = memory;
	if (madvise(memory, size, MADV_DONTDUMP) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0)
		return -errno;
	return 0;
}

static int refuse(struct error *err, const char *next)
{
	error_next(err, "%s", next);
	return error_exit(err, CLI_REFUSED);
}

/* ---- the child ---- */

static bool is_root_alone(const struct secrets *secrets)
{
	return geteuid() == 0 && secrets->identity->owner_uid == 0;
}

static const char *expand(const struct secrets *secrets, const char *path, char to[PATH_BYTES])
{
	if (path[0] != '~')
		return path;
	IGNORE(snprintf(to, PATH_BYTES, "%s%s", secrets->identity->home, path + 1) >= (int)PATH_BYTES);
	return to;
}

static void __attribute__((noreturn)) child_file(const struct secrets *secrets, const char *path, int out)
{
	static char bytes[SECRET_BYTES_MAX + 1];
	char full[PATH_BYTES];
	int fd = open(expand(secrets, path, full), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	ssize_t len;

	if (fd < 0)
		_exit(CHILD_NO_FILE);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		_exit(CHILD_NOT_REGULAR);
	len = io_read(fd, bytes, sizeof(bytes));
	if (len < 0 || io_write(out, bytes, (size_t)len) < 0)
		_exit(CHILD_NO_FILE);
	explicit_bzero(bytes, sizeof(bytes));
	_exit(0);
}

static void __attribute__((noreturn)) child_command(const struct secrets *secrets,
						    const struct policy_secret *secret, int out)
{
	union {
		const char *constant;
		char *plain;          /* execve(2) takes char *const[], and does not write */
	} word;
	char *argv[POLICY_SECRET_WORDS_MAX + 1] = { NULL };
	char full[PATH_BYTES];

	for (uint32_t i = 0; i < secret->word_count; i++) {
		word.constant = policy_text(secrets->policy, secret->words[i]);
		argv[i] = word.plain;
	}
	word.constant = expand(secrets, argv[0], full);
	argv[0] = word.plain;
	if (dup2(out, STDOUT_FILENO) < 0 || sys_close_range(3, ~0U, 0) < 0)
		_exit(CHILD_NO_PROGRAM);
	execve(argv[0], argv, secrets->env->items);
	_exit(CHILD_NO_PROGRAM);
}

static void __attribute__((noreturn)) child_main(const struct secrets *secrets,
						 const struct policy_secret *secret, int out)
{
	int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	sigset_t none;

	sigemptyset(&none);
	IGNORE(sigprocmask(SIG_SETMASK, &none, NULL) < 0);
	/* Its own session: it cannot read our terminal, and is killed as a group. */
	if (setsid() < 0 || proc_core_off() < 0 || null_fd < 0 || dup2(null_fd, STDIN_FILENO) < 0)
		_exit(CHILD_NOT_CALLER);
	if (geteuid() == 0 && !is_root_alone(secrets) && identity_become_caller(secrets->identity) < 0)
		_exit(CHILD_NOT_CALLER);
	if (secret->source == SECRET_FILE)
		child_file(secrets, policy_text(secrets->policy, secret->words[0]), out);
	child_command(secrets, secret, out);
}

/* ---- the parent ---- */

/* Reads until the end, one byte more than allowed, or the deadline. */
static ssize_t value_read(int fd, char *value, uint64_t timeout_ns)
{
	uint64_t deadline = now_monotonic_ns() + timeout_ns;
	size_t len = 0;

	for (;;) {
		struct pollfd ready = { .fd = fd, .events = POLLIN };
		uint64_t now = now_monotonic_ns();
		int r = poll(&ready, 1, now < deadline ? (int)((deadline - now) / NS_PER_MS) + 1 : 0);
		char more;
		ssize_t n;

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return r < 0 ? -errno : -ETIMEDOUT;
		n = len < SECRET_BYTES_MAX ? read(fd, value + len, SECRET_BYTES_MAX - len) : read(fd, &more, 1);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			return (ssize_t)len;
		if (n > 0 && len == SECRET_BYTES_MAX)
			return -EFBIG;
		len += n > 0 ? (size_t)n : 0;
	}
}

/* The status of a child whose output ended; one that goes on without output is out of time, too. */
static int child_wait(pid_t pid, uint64_t timeout_ns, int *ret_status)
{
	auto_close int pidfd = sys_pidfd_open(pid, 0);
	struct pollfd ended = { .fd = pidfd, .events = POLLIN };
	int r = pidfd < 0 ? pidfd : poll(&ended, 1, (int)(timeout_ns / NS_PER_MS));

	/* Whatever is left of its session: also children that it forgot. */
	IGNORE(kill(-pid, SIGKILL) < 0);
	IGNORE(kill(pid, SIGKILL) < 0);
	while (waitpid(pid, ret_status, 0) < 0 && errno == EINTR)
		;
	return r > 0 ? 0 : r < 0 ? r : -ETIMEDOUT;
}

static int child_failed(const char *name, const char *word, int status, struct error *err)
{
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;

	if (code == CHILD_NO_FILE)
		error_say(err, -ENOENT, "secret '%s': the file '%s' cannot be read by the caller", name, word);
	else if (code == CHILD_NOT_REGULAR)
		error_say(err, -EINVAL, "secret '%s': '%s' is not a regular file", name, word);
	else if (code == CHILD_NO_PROGRAM)
		error_say(err, -ENOENT, "secret '%s': the program '%s' cannot be executed by the caller", name, word);
	else if (code == CHILD_NOT_CALLER)
		error_say(err, -EPERM, "secret '%s': the child could not become the caller", name);
	else if (WIFSIGNALED(status))
		error_say(err, -EIO, "secret '%s': the command '%s' ended by signal %d", name, word, WTERMSIG(status));
	else
		error_say(err, -EIO, "secret '%s': the command '%s' ended with status %d", name, word, code);
	return refuse(err, "nothing was started; mend the source, or take the secret out of the policy");
}

static int read_failed(const char *name, const char *word, ssize_t code, uint64_t timeout_ns, struct error *err)
{
	char time[32];

	if (code == -EFBIG) {
		error_say(err, -EFBIG, "secret '%s': '%s' gives more than %u bytes", name, word, SECRET_BYTES_MAX);
		return refuse(err, "nothing was started; a secret is a token or a key");
	}
	if (code != -ETIMEDOUT) {
		error_set(err, (int)code, "secret '%s': read from '%s'", name, word);
		return refuse(err, "nothing was started; try again");
	}
	text_duration(time, sizeof(time), timeout_ns);
	error_say(err, -ETIMEDOUT, "secret '%s': '%s' did not end in %s", name, word, time);
	return refuse(err, "nothing was started; raise the secret's `timeout`, or see why it hangs");
}

static int value_from_child(struct secrets *secrets, const struct policy_secret *secret, char *value,
			    size_t *ret_len, struct error *err)
{
	const char *name = policy_text(secrets->policy, secret->name);
	uint64_t timeout_ns = secret->source == SECRET_COMMAND ? secret->timeout_ns : FILE_TIMEOUT_NS;
	auto_close int in = FD_NONE, out = FD_NONE;
	char word[512];
	int pair[2], status, r;
	ssize_t len;
	pid_t pid;

	text_escape(word, sizeof(word), slice_of(policy_text(secrets->policy, secret->words[0])));
	if (pipe2(pair, O_CLOEXEC) < 0)
		return error_set(err, -errno, "make a pipe");
	in = pair[0];
	out = pair[1];
	pid = fork();
	if (pid < 0)
		return error_set(err, -errno, "fork for the secret '%s'", name);
	if (pid == 0)
		child_main(secrets, secret, out);
	out = fd_close(out);
	len = value_read(in, value, timeout_ns);
	r = child_wait(pid, len < 0 ? 0 : timeout_ns, &status);
	if (len < 0 || r < 0)
		return read_failed(name, word, len < 0 ? len : r, timeout_ns, err);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return child_failed(name, word, status, err);
	*ret_len = (size_t)len;
	return 0;
}

static int value_from_env(const struct secrets *secrets, const struct policy_secret *secret, char *value,
			  size_t *ret_len, struct error *err)
{
	const char *variable = policy_text(secrets->policy, secret->words[0]);
	const char *name = policy_text(secrets->policy, secret->name);
	const char *from = getenv(variable);
	size_t len = from ? strlen(from) : 0;

	if (!from) {
		error_say(err, -ENOENT, "secret '%s': the variable %s is not set", name, variable);
		return refuse(err, "set it; sudo removes variables unless told not to (`sudo --preserve-env=NAME`)");
	}
	if (len > SECRET_BYTES_MAX)
		return read_failed(name, variable, -EFBIG, 0, err);
	memcpy(value, from, len);
	*ret_len = len;
	return 0;
}

/* One newline that ends the output of a command, or what becomes a variable, is no part of the value. */
static int value_trim(const struct secrets *secrets, const struct policy_secret *secret, const char *value,
		      size_t *len, struct error *err)
{
	const char *name = policy_text(secrets->policy, secret->name);

	if ((secret->source == SECRET_COMMAND || secret->as == SECRET_AS_ENV) && *len > 0 && value[*len - 1] == '\n')
		--*len;
	if (*len == 0) {
		error_say(err, -ENODATA, "secret '%s' is empty", name);
		return refuse(err, "nothing was started; fill its source, or take it out of the policy");
	}
	if (secret->as == SECRET_AS_ENV && memchr(value, '\0', *len)) {
		error_say(err, -EINVAL, "secret '%s' has a NUL byte, which no variable can hold", name);
		return refuse(err, "write `as: file`");
	}
	return 0;
}

static int gather_one(struct secrets *secrets, uint32_t index, struct error *err)
{
	const struct policy_secret *secret = &secrets->policy->secrets[index];
	char *value = secrets->values + secrets->len;
	size_t len = 0;
	int r = secret->source == SECRET_ENV ? value_from_env(secrets, secret, value, &len, err) :
					       value_from_child(secrets, secret, value, &len, err);

	if (r == 0)
		r = value_trim(secrets, secret, value, &len, err);
	if (r < 0)
		return r;
	secrets->head.lens[index] = (uint32_t)len;
	secrets->len += len;
	return 0;
}

/* Not by io_sealed_memfd() in one piece: the values would need a second copy. */
static int seal(const struct secrets *secrets, int *ret_fd)
{
	auto_close int fd = memfd_create("bailiff-secrets", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int r = fd < 0 ? -errno : io_write(fd, &secrets->head, sizeof(secrets->head));

	if (r == 0)
		r = io_write(fd, secrets->values, secrets->len);
	if (r == 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
		r = -errno;
	if (r == 0)
		*ret_fd = TAKE_FD(fd);
	return r;
}

/* Who can write the policy says which file is read and which program is run with the caller's rights. */
static int author_check(const struct run_policy *policy, const struct identity *identity, struct error *err)
{
	uid_t caller = geteuid() == 0 ? identity->owner_uid : geteuid();

	for (uint32_t i = 0; i < policy->policy->secret_count; i++) {
		if (policy->policy->secrets[i].source == SECRET_ENV || policy->owner == 0 || policy->owner == caller)
			continue;
		error_say(err, -EPERM, "the policy '%s' belongs to uid %u, who would read files and run programs with "
			  "the rights of uid %u by its secrets", policy->policy->name, policy->owner, caller);
		return refuse(err, "copy it, so that it is yours or root's");
	}
	return 0;
}

void secrets_withhold(const struct policy *policy, struct run_env *env)
{
	for (uint32_t i = 0; i < policy->secret_count; i++)
		if (policy->secrets[i].source == SECRET_ENV)
			run_env_remove(env, policy_text(policy, policy->secrets[i].words[0]));
}

int secrets_gather(const struct run_policy *policy, const struct identity *identity, const struct run_env *env,
		   int *ret_fd, struct error *err)
{
	cleanup_with(secrets_finish) struct secrets secrets = {
		.policy = policy->policy, .identity = identity, .env = env,
		.head = { .magic = SECRETS_MAGIC, .count = policy->policy->secret_count },
	};
	int r = author_check(policy, identity, err);

	*ret_fd = FD_NONE;
	if (r < 0 || secrets.head.count == 0)
		return r;
	r = secrets_init(&secrets);
	if (r < 0)
		return error_set(err, r, "keep the secrets out of cores");
	for (uint32_t i = 0; r == 0 && i < secrets.head.count; i++)
		r = gather_one(&secrets, i, err);
	if (r < 0)
		return r;
	r = seal(&secrets, ret_fd);
	return r < 0 ? error_set(err, r, "keep the secrets in sealed memory") : 0;
}
