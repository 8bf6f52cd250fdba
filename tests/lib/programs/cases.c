/* SPDX-License-Identifier: Apache-2.0 */
/* The live way of policy cases: tries what each line of a .cases file says, from inside a run.
 *
 *   cases FILE WORKSPACE HOME FIRST [KIND]    from line FIRST on; KIND alone, if given
 *
 * Says "N try" before line N is tried and "N ok" or "N bad ..." after it, then "end". What the policy
 * allows may fail for want of a file or a route, never for want of a permission. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

#define RELAY_MS 2000            /* how long it may take to end one */

static const char *workspace, *home;

static int result(long r)
{
	return r < 0 ? errno : 0;
}

static void replace(const char *text, char to[4096])
{
	if (strncmp(text, "$WORKSPACE", 10) == 0)
		snprintf(to, 4096, "%s%s", workspace, text + 10);
	else if (text[0] == '~')
		snprintf(to, 4096, "%s%s", home, text + 1);
	else
		snprintf(to, 4096, "%s", text);
}

static int try_write(const char *path)
{
	int fd = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return result(fd);
}

static int try_unix(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%.107s", path);
	return fd < 0 ? errno : result(connect(fd, (struct sockaddr *)&address, sizeof(address)));
}

/* The relay of an allowlist network takes every connection and ends those that it will not make. */
static int turned_away(int fd)
{
	struct pollfd end = { .fd = fd, .events = POLLIN };
	char byte;
	ssize_t len;

	if (poll(&end, 1, RELAY_MS) <= 0)
		return 0;
	len = recv(fd, &byte, 1, 0);
	return len < 0 ? errno : len == 0 ? ECONNRESET : 0;
}


/* "1.2.3.4:80" or "[::1]:80". */
static int try_net(const char *text, bool listens)
{
	union {
		struct sockaddr any;
		struct sockaddr_in four;
		struct sockaddr_in6 six;
	} at = { .any = { .sa_family = text[0] == '[' ? AF_INET6 : AF_INET } };
	const char *colon = strrchr(text, ':'), *first = text + (text[0] == '[');
	socklen_t len = text[0] == '[' ? sizeof(at.six) : sizeof(at.four);
	uint16_t port = htons((uint16_t)strtoull(colon + 1, NULL, 10));
	int fd = socket(at.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), r;
	char host[64];

	snprintf(host, sizeof(host), "%.*s", (int)(colon - first - (text[0] == '[')), first);
	if (fd < 0 || inet_pton(at.any.sa_family, host, text[0] == '[' ? (void *)&at.six.sin6_addr :
							(void *)&at.four.sin_addr) != 1)
		return EINVAL;
	if (text[0] == '[')
		at.six.sin6_port = port;
	else
		at.four.sin_port = port;
	r = result(listens ? bind(fd, &at.any, len) : connect(fd, &at.any, len));
	if (!listens && (r == 0 || r == EINPROGRESS))
		r = turned_away(fd);
	close(fd);
	return r;
}

/* With arguments that no kernel takes, so that nothing happens where the call is not refused. */
static int try_call(const char *name)
{
	static const struct { const char *name; long number; } calls[] = {
		{ "ptrace", SYS_ptrace }, { "mount", SYS_mount }, { "bpf", SYS_bpf }, { "setns", SYS_setns },
		{ "keyctl", SYS_keyctl }, { "userfaultfd", SYS_userfaultfd }, { "read", SYS_read },
		{ "io_uring_setup", SYS_io_uring_setup }, { "clone3", SYS_clone3 },
		{ "open_by_handle_at", SYS_open_by_handle_at }, { "openat", SYS_openat },
	};

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (strcmp(calls[i].name, name) == 0)
			return result(syscall(calls[i].number, -1L, -1L, 0L, 0L, 0L, 0L));
	return ENOTSUP;
}

/* A protected file of a home that the caller does not have: the run's private home hides nothing then. */
static bool applies(const char *kind, const char *subject, const char *verdict)
{
	char path[4096];
	struct stat st;

	replace(subject, path);
	return subject[0] != '~' || strcmp(kind, "write") != 0 || strcmp(verdict, "deny") != 0 ||
	       stat(path, &st) == 0;
}

static int try_case(const char *kind, const char *subject)
{
	char path[4096];

	replace(subject, path);
	if (strcmp(kind, "read") == 0 || strcmp(kind, "exec") == 0)
		return result(open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
	if (strcmp(kind, "write") == 0)
		return try_write(path);
	if (strcmp(kind, "connect") == 0 && path[0] == '/')
		return try_unix(path);
	if (strcmp(kind, "connect") == 0 || strcmp(kind, "bind") == 0)
		return try_net(path, kind[0] == 'b');
	return try_call(subject);
}

static bool is_refusal(int error)
{
	return error == EACCES || error == EPERM || error == EROFS;
}

/* NULL, or what does not fit. A network rule answers EPERM before any route is looked for. */
static const char *judge(const char *kind, const char *verdict, const char *rest, int error)
{
	bool call = strcmp(kind, "syscall") == 0;

	if (error == ENOTSUP)
		return "is not a call that this test knows";
	if (strcmp(verdict, "allow") == 0)
		return is_refusal(error) || (call && error == ENOSYS) ? "is refused" : NULL;
	if (error == 0)
		return "works";
	if (call)
		return error == (strstr(rest, "ENOSYS") ? ENOSYS : EPERM) ? NULL : "has another errno";
	if (strstr(rest, "rule=network.deny") || strstr(rest, "rule=network.bind"))
		return error == EPERM ? NULL : "is not refused by a rule";
	return NULL;
}

int main(int argc, char **argv)
{
	char line[1024], kind[32], subject[512], verdict[32];
	FILE *file = argc >= 5 ? fopen(argv[1], "re") : NULL;
	unsigned long number = 0, first = argc >= 5 ? strtoull(argv[4], NULL, 10) : 0;

	if (!file)
		return 2;
	workspace = argv[2];
	home = argv[3];
	setvbuf(stdout, NULL, _IOLBF, 0);
	while (fgets(line, sizeof(line), file)) {
		const char *wrong;
		int error;

		number++;
		if (number < first || sscanf(line, "%31s %511s %31s", kind, subject, verdict) != 3 ||
		    kind[0] == '#' || !applies(kind, subject, verdict) || (argc > 5 && strcmp(argv[5], kind) != 0))
			continue;
		printf("%lu try\n", number);
		error = try_case(kind, subject);
		wrong = judge(kind, verdict, line, error);
		printf("%lu %s %s %s %s %s\n", number, wrong ? "bad" : "ok", kind, subject, wrong ? wrong : verdict,
		       error ? strerrorname_np(error) : "OK");
	}
	puts("end");
	return 0;
}
