/* SPDX-License-Identifier: Apache-2.0 */
/* One attempt at one thing, said as one word on stdout: "OK" or the name of the errno. Tests run it
 * outside a sandbox, where it must succeed, and inside, where it must not; without the first half a
 * missing file would look like a working sandbox. Static, so that no library path matters.
 *
 *   probe NAME [ARGUMENT...]       exit status 0 = it worked, 10 = it did not, 2 = no such probe
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/perf_event.h>
#include <linux/seccomp.h>
#include <linux/userfaultfd.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>

/* Newer than Debian 12's headers, or in headers that clash with libc's. */
#define OPEN_TREE_CLONE_FLAG 1U

static int result(long r)
{
	return r < 0 ? -errno : 0;
}

static unsigned long number(const char *text)
{
	return strtoull(text, NULL, 0);
}

/* ---- files ---- */

static int open_read(char **arg)
{
	char byte;
	int fd = open(arg[0], O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : result(read(fd, &byte, 1));
}

static int open_write(char **arg)
{
	return result(open(arg[0], O_WRONLY | O_CLOEXEC));
}

static int open_path(char **arg)
{
	return result(open(arg[0], O_PATH | O_CLOEXEC));
}

static int create(char **arg)
{
	return result(open(arg[0], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
}

static int make_folder(char **arg)
{
	return result(mkdir(arg[0], 0700));
}

static int rename_file(char **arg)
{
	return result(rename(arg[0], arg[1]));
}

static int exchange(char **arg)
{
	return result(renameat2(AT_FDCWD, arg[0], AT_FDCWD, arg[1], RENAME_EXCHANGE));
}

static int link_file(char **arg)
{
	return result(link(arg[0], arg[1]));
}

static int unlink_file(char **arg)
{
	return result(unlink(arg[0]));
}

static int truncate_file(char **arg)
{
	return result(truncate(arg[0], 0));
}

static int change_mode(char **arg)
{
	return result(chmod(arg[0], 0600));
}

static int write_text(char **arg)
{
	int fd = open(arg[0], O_WRONLY | O_CLOEXEC);

	return fd < 0 ? -errno : result(write(fd, arg[1], strlen(arg[1])));
}

static int by_handle(char **arg)
{
	struct { struct file_handle head; unsigned char bytes[MAX_HANDLE_SZ]; } handle =
		{ .head.handle_bytes = MAX_HANDLE_SZ };
	int mount_id, root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (name_to_handle_at(AT_FDCWD, arg[0], &handle.head, &mount_id, 0) < 0)
		return -errno;
	return result(open_by_handle_at(root, &handle.head, O_RDONLY));
}

static int device_node(char **arg)
{
	return result(mknod(arg[0], S_IFCHR | 0600, 0x103));
}

/* From each descriptor and the working directory upwards: is there a way to the host's /etc? */
static int fd_climb(char **arg)
{
	char up[64] = "../../../../../../../../../../..";
	char path[128];

	snprintf(path, sizeof(path), "%s%s", up, arg[0]);
	for (int fd = 3; fd < 1024; fd++)
		if (openat(fd, path, O_RDONLY | O_CLOEXEC) >= 0)
			return 0;
	return openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC) < 0 ? -errno : 0;
}

/* ---- mounts and namespaces ---- */

static int mount_tmpfs(char **arg)
{
	return result(mount("none", arg[0], "tmpfs", 0, NULL));
}

static int mount_bind(char **arg)
{
	return result(mount(arg[0], arg[1], NULL, MS_BIND, NULL));
}

static int unmount(char **arg)
{
	return result(umount2(arg[0], MNT_DETACH));
}

static int clone_tree(char **arg)
{
	return result(syscall(SYS_open_tree, AT_FDCWD, arg[0], OPEN_TREE_CLONE_FLAG));
}

static int new_filesystem(char **arg)
{
	return result(syscall(SYS_fsopen, arg[0], 0));
}

static int change_root(char **arg)
{
	return result(chroot(arg[0]));
}

static int unshare_flags(char **arg)
{
	return result(unshare((int)number(arg[0])));
}

static int clone_flags(char **arg)
{
	long pid = syscall(SYS_clone, number(arg[0]) | SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		_exit(0);
	return result(pid);
}

static int join_namespace(char **arg)
{
	int fd = open(arg[0], O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : result(setns(fd, 0));
}

/* ---- other processes ---- */

static pid_t sleeper(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		pause();
		_exit(0);
	}
	return pid;
}

static int trace_child(char **arg)
{
	pid_t pid = sleeper();
	int r = result(ptrace(PTRACE_SEIZE, pid, NULL, NULL));

	(void)arg;
	kill(pid, SIGKILL);
	return r;
}

static int read_child(char **arg)
{
	char here[8] = "secret", there[8];
	struct iovec local = { there, sizeof(there) }, remote = { here, sizeof(here) };
	pid_t pid = sleeper();
	int r = result(process_vm_readv(pid, &local, 1, &remote, 1, 0));

	(void)arg;
	kill(pid, SIGKILL);
	return r;
}

static int take_fd(char **arg)
{
	pid_t pid = sleeper();
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	int r = pidfd < 0 ? -errno : result(syscall(SYS_pidfd_getfd, pidfd, 0, 0));

	(void)arg;
	kill(pid, SIGKILL);
	return r;
}

static int signal_pid(char **arg)
{
	return result(kill((pid_t)number(arg[0]), 0));
}

static int limit_pid1(char **arg)
{
	struct rlimit limit = { 1, 1 };

	(void)arg;
	return result(prlimit(1, RLIMIT_CPU, &limit, NULL));
}

/* ---- the kernel's large surfaces ---- */

static int keyring(char **arg)
{
	(void)arg;
	return result(syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 1));
}

static int add_key(char **arg)
{
	(void)arg;
	return result(syscall(SYS_add_key, "user", "bailiff-probe", "x", 1, KEY_SPEC_PROCESS_KEYRING));
}

static int user_fault(char **arg)
{
	(void)arg;
	return result(syscall(SYS_userfaultfd, UFFD_USER_MODE_ONLY));
}

static int io_ring(char **arg)
{
	unsigned char params[120] = { 0 };

	(void)arg;
	return result(syscall(SYS_io_uring_setup, 2, params));
}

static int bpf_map(char **arg)
{
	/* BPF_MAP_CREATE of an array: type, key size, value size, entries. linux/bpf.h has names that
	 * base/banned.h poisons. */
	unsigned int attr[18] = { 2, 4, 4, 1 };

	(void)arg;
	return result(syscall(SYS_bpf, 0, attr, sizeof(attr)));
}

static int perf_open(char **arg)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE, .size = sizeof(attr),
					.config = PERF_COUNT_SW_CPU_CLOCK, .exclude_kernel = 1 };

	(void)arg;
	return result(syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0));
}

/* getpid of the 32-bit table: the filter's list is of 64-bit numbers. */
static int foreign_i386(char **arg)
{
	long r;

	(void)arg;
	__asm__ volatile("int $0x80" : "=a"(r) : "a"(20L) : "memory", "r8", "r9", "r10", "r11");
	return r < 0 ? (int)r : 0;
}

static int set_personality(char **arg)
{
	return result(personality(number(arg[0])));
}

static int become(char **arg)
{
	uid_t uid = (uid_t)number(arg[0]);

	return result(setresuid(uid, uid, uid));
}

/* Installs a listener of one's own, which could answer in place of the supervisor's filter. */
static int own_listener(char **arg)
{
	struct sock_filter code = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog program = { .len = 1, .filter = &code };

	(void)arg;
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return result(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
			      &program));
}

/* ---- sockets, shared memory, terminals ---- */

static int open_socket(char **arg)
{
	return result(socket((int)number(arg[0]), (int)number(arg[1]), (int)number(arg[2])));
}

static int connect_unix(char **arg)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t len = strlen(arg[0]);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (len >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, arg[0], len);
	if (address.sun_path[0] == '@')
		address.sun_path[0] = '\0';
	return result(connect(fd, (struct sockaddr *)&address,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)));
}

static struct sockaddr_in address_of(char **arg)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)number(arg[1])) };

	inet_pton(AF_INET, arg[0], &address.sin_addr);
	return address;
}

static int connect4(char **arg)
{
	struct sockaddr_in address = address_of(arg);

	return result(connect(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&address, sizeof(address)));
}

static int send4(char **arg)
{
	struct sockaddr_in address = address_of(arg);

	return result(sendto(socket(AF_INET, SOCK_DGRAM, 0), "x", 1, 0, (struct sockaddr *)&address,
			     sizeof(address)));
}

/* TCP fast open: a connection without connect(2). */
static int fast_open4(char **arg)
{
	struct sockaddr_in address = address_of(arg);

	return result(sendto(socket(AF_INET, SOCK_STREAM, 0), "x", 1, MSG_FASTOPEN,
			     (struct sockaddr *)&address, sizeof(address)));
}

static int connect_mapped(char **arg)
{
	struct sockaddr_in six_from = address_of(arg);
	struct sockaddr_in6 address = { .sin6_family = AF_INET6, .sin6_port = six_from.sin_port };

	address.sin6_addr.s6_addr[10] = address.sin6_addr.s6_addr[11] = 0xff;
	memcpy(address.sin6_addr.s6_addr + 12, &six_from.sin_addr, 4);
	return result(connect(socket(AF_INET6, SOCK_STREAM, 0), (struct sockaddr *)&address,
			      sizeof(address)));
}

static int bind4(char **arg)
{
	struct sockaddr_in address = address_of(arg);

	return result(bind(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&address, sizeof(address)));
}

static int host_shm(char **arg)
{
	return result(shmget((key_t)number(arg[0]), 0, 0));
}

/* TIOCSTI and friends; the second argument is put above the 32 bits that the kernel reads. */
static int terminal_ioctl(char **arg)
{
	unsigned long request = number(arg[0]) | number(arg[1]) << 32;
	char byte = '#';

	return result(syscall(SYS_ioctl, 0, request, &byte));
}

/* ---- programs ---- */

static int memfd_exec(char **arg)
{
	/* The argument: flags. MFD_EXEC is 0x10, newer than the headers of Debian 12. */
	int memfd = memfd_create("probe", (unsigned int)number(arg[0])), self = open("/proc/self/exe", O_RDONLY);
	char name[] = "probe", what[] = "nothing", *argv[] = { name, what, NULL };
	char block[65536];
	ssize_t n;
	int status;

	if (memfd < 0)
		return -errno;
	while ((n = read(self, block, sizeof(block))) > 0)
		if (write(memfd, block, (size_t)n) != n)
			return -EIO;
	if (fork() == 0) {
		close(STDOUT_FILENO);
		fexecve(memfd, argv, environ);
		_exit(errno);
	}
	wait(&status);
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EINTR;
}

/* Prints each open descriptor above 2, so that a test sees what leaked in. */
static int fd_census(char **arg)
{
	int count = 0;

	(void)arg;
	for (int fd = 3; fd < 65536; fd++) {
		if (fcntl(fd, F_GETFD) < 0)
			continue;
		count++;
		fprintf(stderr, "fd %d\n", fd);
	}
	return count > 0 ? -EBADF : 0;
}

static int nothing(char **arg)
{
	(void)arg;
	return 0;
}

static const struct probe {
	const char *name;
	int args;
	int (*run)(char **arg);
} probes[] = {
	{ "open-read", 1, open_read }, { "open-write", 1, open_write }, { "open-path", 1, open_path },
	{ "create", 1, create }, { "mkdir", 1, make_folder }, { "rename", 2, rename_file },
	{ "exchange", 2, exchange }, { "link", 2, link_file }, { "unlink", 1, unlink_file },
	{ "truncate", 1, truncate_file }, { "chmod", 1, change_mode }, { "write", 2, write_text },
	{ "open-handle", 1, by_handle }, { "mknod", 1, device_node }, { "fd-climb", 1, fd_climb },
	{ "mount-tmpfs", 1, mount_tmpfs }, { "mount-bind", 2, mount_bind }, { "umount", 1, unmount },
	{ "open-tree", 1, clone_tree }, { "fsopen", 1, new_filesystem }, { "chroot", 1, change_root },
	{ "unshare", 1, unshare_flags }, { "clone", 1, clone_flags }, { "setns", 1, join_namespace },
	{ "ptrace", 0, trace_child }, { "vm-readv", 0, read_child }, { "pidfd-getfd", 0, take_fd },
	{ "signal", 1, signal_pid }, { "limit-pid1", 0, limit_pid1 }, { "keyctl", 0, keyring },
	{ "add-key", 0, add_key }, { "userfaultfd", 0, user_fault }, { "io-uring", 0, io_ring },
	{ "bpf", 0, bpf_map }, { "perf", 0, perf_open }, { "int80", 0, foreign_i386 },
	{ "personality", 1, set_personality }, { "setuid", 1, become }, { "listener", 0, own_listener },
	{ "socket", 3, open_socket }, { "connect-unix", 1, connect_unix }, { "connect4", 2, connect4 },
	{ "send4", 2, send4 }, { "fastopen4", 2, fast_open4 }, { "connect-mapped", 2, connect_mapped },
	{ "bind4", 2, bind4 }, { "shm", 1, host_shm }, { "ioctl", 2, terminal_ioctl },
	{ "memfd-exec", 1, memfd_exec }, { "fd-census", 0, fd_census }, { "nothing", 0, nothing },
};

int main(int argc, char **argv)
{
	/* A connection that nobody answers must not hang the test. */
	alarm(5);
	for (size_t i = 0; argc > 1 && i < sizeof(probes) / sizeof(probes[0]); i++) {
		int r;

		if (strcmp(argv[1], probes[i].name) != 0 || argc != 2 + probes[i].args)
			continue;
		r = probes[i].run(argv + 2);
		puts(r == 0 ? "OK" : strerrorname_np(-r));
		return r == 0 ? 0 : 10;
	}
	fprintf(stderr, "probe: no such probe, or not its number of arguments\n");
	return 2;
}
