// SPDX-License-Identifier: Apache-2.0
/* Killing is not preventing. A revoked run is killed when its call returns: the effect of that call
 * has happened (but for writes to files and what the cgroup hooks refuse), and no further instruction of the
 * program runs. So what must not happen belongs to mounts, Landlock, seccomp and the cgroup hooks; the kill
 * only ends it. */
#include <linux/sched.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/xattr.h>

#include "kernel/watched.h"

static struct shared {
	volatile int ready, go, survived;
} *shared;

static int file_fd = FD_NONE, pipe_fds[2] = { FD_NONE, FD_NONE };
static int tcp_fd = FD_NONE, udp_fd = FD_NONE, unix_fd = FD_NONE;
static struct sockaddr_in tcp_at, udp_at;
static struct sockaddr_un unix_at = { .sun_family = AF_UNIX, .sun_path = "socket" };
static pid_t other;

static void make_file(const char *name)
{
	close(open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
}

static void act_open_create(void) { open("created", O_WRONLY | O_CREAT | O_CLOEXEC, 0644); }
static void act_mkdir(void) { mkdir("made", 0755); }
static void act_unlink(void) { unlink("gone"); }
static void act_rename(void) { rename("from", "to"); }
static void act_symlink(void) { IGNORE(symlink("x", "soft")); } /* looked for below */
static void act_link(void) { IGNORE(link("from-link", "hard")); }
static void act_chmod(void) { chmod("mode", 0600); }
static void act_truncate(void) { IGNORE(ftruncate(file_fd, 100)); }
static void act_write(void) { IGNORE(write(file_fd, "x", 1)); }
static void act_pipe(void) { IGNORE(write(pipe_fds[1], "x", 1)); }

/* A failure of any of these shows as an effect that is missing. */
static void act_setxattr(void) { IGNORE(setxattr("mode", "user.mark", "x", 1, 0)); }
static void act_mount(void) { IGNORE(mount("none", "mounted", "tmpfs", 0, NULL)); }
static void act_kill(void) { IGNORE(kill(other, SIGKILL)); }
static void act_tcp(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	IGNORE(connect(fd, (struct sockaddr *)&tcp_at, sizeof(tcp_at)));
}
static void act_udp(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	IGNORE(sendto(fd, "x", 1, 0, (struct sockaddr *)&udp_at, sizeof(udp_at)));
}
static void act_unix(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	IGNORE(connect(fd, (struct sockaddr *)&unix_at, sizeof(unix_at)));
}

static bool exists(const char *name)
{
	struct stat st;

	return lstat(name, &st) == 0;
}

static bool has_created(void) { return exists("created"); }
static bool has_made(void) { return exists("made"); }
static bool has_unlinked(void) { return !exists("gone"); }
static bool has_renamed(void) { return exists("to") && !exists("from"); }
static bool has_symlink(void) { return exists("soft"); }
static bool has_link(void) { return exists("hard"); }

static bool has_mode(void)
{
	struct stat st;

	return stat("mode", &st) == 0 && (st.st_mode & 0777) == 0600;
}

static off_t size_of_file(void)
{
	struct stat st;

	return fstat(file_fd, &st) == 0 ? st.st_size : -1;
}

static bool has_truncated(void) { return size_of_file() == 100; }
static bool has_written(void) { return size_of_file() == 1; }

static bool has_piped(void)
{
	char byte;

	return read(pipe_fds[0], &byte, 1) == 1;
}

static bool has_xattr(void)
{
	char byte;

	return getxattr("mode", "user.mark", &byte, 1) == 1;
}

static bool has_mounted(void) { return umount2("mounted", MNT_DETACH) == 0; }
static bool has_killed(void) { return waitpid(other, NULL, WNOHANG) == other; }

static bool has_connection(int fd)
{
	int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	return fd_close(peer < 0 ? FD_NONE : peer) == FD_NONE && peer >= 0;
}

static bool has_tcp(void) { return has_connection(tcp_fd); }
static bool has_unix(void) { return has_connection(unix_fd); }

static bool has_udp(void)
{
	char byte;

	return recv(udp_fd, &byte, 1, MSG_DONTWAIT) == 1;
}

static const struct {
	const char *name;
	void (*act)(void);
	bool (*happened)(void);
	bool prevented;      /* when the run is revoked */
} cases[] = {
	{ "open with O_CREAT", act_open_create, has_created, false },
	{ "mkdir", act_mkdir, has_made, false },
	{ "unlink", act_unlink, has_unlinked, false },
	{ "rename", act_rename, has_renamed, false },
	{ "symlink", act_symlink, has_symlink, false },
	{ "link", act_link, has_link, false },
	{ "chmod", act_chmod, has_mode, false },
	{ "ftruncate", act_truncate, has_truncated, false },
	/* The witness kills before the bytes are copied, and the kernel looks for that. */
	{ "write", act_write, has_written, true },
	{ "pipe write", act_pipe, has_piped, false },
	{ "setxattr", act_setxattr, has_xattr, false },
	{ "mount", act_mount, has_mounted, false },
	{ "kill of another", act_kill, has_killed, false },
	/* The cgroup hooks refuse these to a revoked run. */
	{ "TCP connect", act_tcp, has_tcp, true },
	{ "UDP send", act_udp, has_udp, true },
	{ "UNIX connect", act_unix, has_unix, true },
};

static int listener(int type, struct sockaddr_in *ret_at)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(*ret_at);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)ret_at, &len), 0);
	ck_assert(type != SOCK_STREAM || listen(fd, 1) == 0);
	return fd;
}

static void prepare_sockets(void)
{
	tcp_fd = listener(SOCK_STREAM, &tcp_at);
	udp_fd = listener(SOCK_DGRAM, &udp_at);
	unix_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	ck_assert_int_eq(bind(unix_fd, (struct sockaddr *)&unix_at, sizeof(unix_at)), 0);
	ck_assert_int_eq(listen(unix_fd, 1), 0);
}

/* Not in the run: whom the run kills. */
static void prepare_other(void)
{
	other = fork();
	ck_assert_int_ge(other, 0);
	if (other == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
}

static void prepare(void)
{
	ck_assert_int_eq(mkdir("mounted", 0755), 0);
	prepare_sockets();
	prepare_other();
	make_file("gone");
	make_file("from");
	make_file("from-link");
	make_file("mode");
	file_fd = open("file", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	ck_assert_int_eq(pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK), 0);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(shared, MAP_FAILED);
}

/* Another's death and a packet need a moment. */
static bool happened(bool (*has)(void))
{
	uint64_t until = now_monotonic_ns() + 50000000ULL;

	while (now_monotonic_ns() < until) {
		if (has())
			return true;
		sched_yield();
	}
	return false;
}

/* Makes no call between saying that it is ready and its act. */
static pid_t start_victim(void (*act)(void))
{
	struct clone_args args = {
		.flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD, .cgroup = (uint64_t)run_fd,
	};
	pid_t pid = sys_clone3(&args);

	if (pid != 0)
		return pid;
	shared->ready = 1;
	while (!shared->go)
		;
	act();
	shared->survived = 1;
	_exit(0);
}

START_TEST(a_revoked_call_has_its_effect_and_nothing_runs_after_it)
{
	int status = 0;
	pid_t pid;

	NEEDS(FEATURE_BPF_WATCH);
	if (cases[_i].prevented)
		NEEDS(FEATURE_BPF_WITNESS);
	if (cases[_i].act == act_unix)
		NEEDS(FEATURE_BPF_UNIX);
	begin();
	prepare();
	ck_assert_msg(!cases[_i].happened(), "%s: control: it has happened already", cases[_i].name);
	pid = start_victim(cases[_i].act);
	ck_assert_int_ge(pid, 0);
	while (!shared->ready)
		sched_yield();
	ck_assert_int_eq(watch_run_set_flags(watch, cgroup_id, RUN_WATCHED | RUN_REVOKED), 0);
	shared->go = 1;
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "%s: status %d",
		      cases[_i].name, status);
	ck_assert_msg(!shared->survived, "%s: the victim went on", cases[_i].name);
	ck_assert_msg(happened(cases[_i].happened) != cases[_i].prevented, "%s: %s", cases[_i].name,
		      cases[_i].prevented ? "it happened" : "it did not happen");
	end();
}
END_TEST

START_TEST(an_unrevoked_call_goes_on)
{
	int status = 0;
	pid_t pid;

	NEEDS(FEATURE_BPF_WATCH);
	begin();
	prepare();
	pid = start_victim(cases[_i].act);
	ck_assert_int_ge(pid, 0);
	shared->go = 1;
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert_msg(shared->survived && happened(cases[_i].happened), "%s: control", cases[_i].name);
	ck_assert_int_ge(watch_drain(watch), 0);
	end();
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("watch_kill");

	for (int i = 0; i < (int)COUNT(cases); i++) {
		const struct row rows[] = {
			{ "revoked", a_revoked_call_has_its_effect_and_nothing_runs_after_it, 1 },
			{ "control", an_unrevoked_call_goes_on, 1 },
		};

		for (size_t r = 0; r < COUNT(rows); r++) {
			TCase *tcase = tcase_create(rows[r].name);

			tcase_add_unchecked_fixture(tcase, cgroups_make, cgroups_remove);
			tcase_add_loop_test(tcase, rows[r].test, i, i + 1);
			suite_add_tcase(suite, tcase);
		}
	}
	return suite;
}
