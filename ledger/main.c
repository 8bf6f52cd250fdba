/* SPDX-License-Identifier: Apache-2.0 */
/* bailiff-ledgerd: the only writer of the ledger. Started by the supervisor as an unprivileged user
 * with a socket to the supervisor and the ledger's directory; opens no path outside of it. */
#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/proc.h"
#include "ledger/service.h"
#include "ledger/store_db.h"

#define PROGRAM "bailiff-ledgerd"
#define EXIT_USAGE 2

static const char usage[] =
	"usage: bailiff-ledgerd --socket-fd N --dir-fd N [--exit-with-producer]\n"
	"Writes the ledger below the open directory N for the producer at the other end of the\n"
	"SOCK_SEQPACKET socket N. Started by bailiffd; not for the command line.\n";

struct options {
	int socket_fd, dir_fd;
	bool help;
};

static int parse_fd(const char *text, int *ret_fd, struct error *err)
{
	uint32_t number;

	if (!text || parse_u32(slice_of(text), 3, 1023, &number) < 0) {
		error_say(err, -EINVAL, "'%s' is no descriptor number from 3 to 1023",
			  text ? text : "");
		return error_exit(err, EXIT_USAGE);
	}
	*ret_fd = (int)number;
	return 0;
}

static int parse_options(int argc, char **argv, struct options *options, struct error *err)
{
	int r = 0;

	for (int i = 1; i < argc && r == 0; i++) {
		struct slice option = slice_of(argv[i]);

		if (slice_is(option, "--socket-fd")) {
			r = parse_fd(argv[++i], &options->socket_fd, err);
		} else if (slice_is(option, "--dir-fd")) {
			r = parse_fd(argv[++i], &options->dir_fd, err);
		} else if (slice_is(option, "--help")) {
			options->help = true;
		} else if (!slice_is(option, "--exit-with-producer")) {
			error_say(err, -EINVAL, "unknown option '%s'", argv[i]);
			r = error_exit(err, EXIT_USAGE);
		}
	}
	if (r == 0 && !options->help &&
	    (options->socket_fd == FD_NONE || options->dir_fd == FD_NONE)) {
		error_say(err, -EINVAL, "--socket-fd and --dir-fd are needed");
		error_next(err, "bailiffd starts this program; see --help");
		r = error_exit(err, EXIT_USAGE);
	}
	return r;
}

static int check_fds(const struct options *options, struct error *err)
{
	struct stat st;
	int type;
	socklen_t len = sizeof(type);

	if (fstat(options->dir_fd, &st) < 0 || !S_ISDIR(st.st_mode))
		return error_say(err, -ENOTDIR, "descriptor %d is no directory", options->dir_fd);
	if (getsockopt(options->socket_fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0 ||
	    type != SOCK_SEQPACKET)
		return error_say(err, -ENOTSOCK, "descriptor %d is no SOCK_SEQPACKET socket",
				 options->socket_fd);
	if (fcntl(options->dir_fd, F_SETFD, FD_CLOEXEC) < 0 ||
	    fcntl(options->socket_fd, F_SETFD, FD_CLOEXEC) < 0)
		return error_set(err, -errno, "mark the descriptors");
	return 0;
}

/* Keys live in this memory: no dumps, no tracers, and nothing inherited that could change us. */
static int harden(struct error *err)
{
	int r = proc_core_off();

	if (r < 0)
		return error_set(err, r, "switch core dumps off");
	if (clearenv() != 0)
		return error_say(err, -ENOMEM, "clear the environment");
	umask(027);
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_set(err, -errno, "drop what is not needed");
	return 0;
}

/* 0-2 must be taken, or the first database would be opened as stderr. */
static int fill_standard_fds(struct error *err)
{
	for (int fd = 0; fd < 3; fd++) {
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR | O_NOCTTY) != fd)
			return error_say(err, -EBADF, "descriptor %d is closed", fd);
	}
	return 0;
}

struct signals {
	struct source source;
	struct service *service;
};

static int on_signal(struct source *source, uint32_t events)
{
	struct signals *signals = container_of(source, struct signals, source);
	struct signalfd_siginfo info;

	IGNORE(events == 0); /* only readable is asked for */
	if (read(source->fd, &info, sizeof(info)) < 0)
		return 0;
	return service_stop(signals->service);
}

static int signals_open(int *ret_fd, struct error *err)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	if (sigprocmask(SIG_SETMASK, &set, NULL) < 0)
		return error_set(err, -errno, "reset the signal mask");
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return error_set(err, -errno, "block signals");
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return error_set(err, -errno, "make a signal descriptor");
	*ret_fd = fd;
	return 0;
}

static void loop_free_p(struct loop **loop)
{
	*loop = loop_free(*loop);
}

static void store_free_p(struct store **store)
{
	*store = store_free(*store);
}

static int serve(const struct options *options, struct error *err)
{
	static struct service service;  /* large */
	cleanup_with(store_free_p) struct store *store = NULL;
	cleanup_with(loop_free_p) struct loop *loop = NULL;
	auto_close int signal_fd = FD_NONE;
	struct signals signals = { .service = &service };
	int r = signals_open(&signal_fd, err);

	if (r == 0)
		r = store_open(options->dir_fd, &store, err);
	if (r < 0)
		return r;
	r = loop_new(&loop);
	if (r == 0)
		r = loop_add(loop, &signals.source, signal_fd, EPOLLIN, on_signal);
	if (r < 0)
		return error_set(err, r, "start the loop");
	r = service_start(&service, loop, store, options->socket_fd, err);
	if (r < 0)
		return r;
	log_info("ledger_open", "size=%llu", (unsigned long long)store_size(store));
	r = loop_run(loop);
	if (r < 0)
		return err->code ? r : error_set(err, r, "serve the producer");
	log_info("ledger_closed", "size=%llu", (unsigned long long)store_size(store));
	return 0;
}

int main(int argc, char **argv)
{
	struct options options = { .socket_fd = FD_NONE, .dir_fd = FD_NONE };
	struct error err = { 0 };
	int r;

	if (argc < 1)
		return EXIT_USAGE;
	log_open(PROGRAM, LOG_LEVEL_WARN);
	r = parse_options(argc, argv, &options, &err);
	if (r == 0 && options.help)
		return fputs(usage, stdout) == EOF ? 1 : 0;
	if (r == 0)
		r = fill_standard_fds(&err);
	if (r == 0)
		r = check_fds(&options, &err);
	if (r == 0)
		r = harden(&err);
	if (r == 0)
		r = store_db_one_thread(&err);
	if (r == 0)
		r = serve(&options, &err);
	if (r == 0)
		return 0;
	error_print(PROGRAM, &err);
	return err.exit_code ? err.exit_code : 1;
}
