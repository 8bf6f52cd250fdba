/* SPDX-License-Identifier: Apache-2.0 */
/* bailiff-egress: the only way out of one run's network (mode `allowlist`). Started by bailiffd with its
 * descriptors at fixed numbers (wire.h), as a user of its own, in the host's network; the sockets
 * that it listens at belong to the run's. Lives as long as the channel. */
#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/log.h"
#include "egress/egress.h"

#define RESOLV_CONF "/etc/resolv.conf"
#define RESOLV_MAX 8192U
#define EXIT_BAD_START 2

static int channel_ready(struct source *source, uint32_t events)
{
	struct egress *egress = container_of(source, struct egress, channel_source);

	(void)events;            /* bailiffd says nothing but its end */
	loop_stop(egress->loop, 0);
	return 0;
}

static int resolvers_open(struct egress *egress)
{
	char text[RESOLV_MAX];
	ssize_t n;

	egress->resolver_count = egress->rules.config->resolver_count;
	memcpy(egress->resolvers, egress->rules.config->resolvers, sizeof(egress->resolvers));
	if (egress->resolver_count > 0)
		return 0;
	n = io_read_text(AT_FDCWD, RESOLV_CONF, text, sizeof(text));
	if (n < 0 && n != -ENOENT)
		return (int)n;
	egress->resolver_count = resolvers_parse(slice_new(text, n > 0 ? (size_t)n : 0), egress->resolvers);
	return 0;                /* without any, no name is known: only listed networks work */
}

static int slots_map(struct egress *egress)
{
	size_t bytes = (RELAY_SLOTS + 1) * sizeof(struct relay_slot), page = (size_t)getpagesize();
	void *slots = mmap(NULL, (bytes + page - 1) & ~(page - 1), PROT_READ, MAP_SHARED, EGRESS_FD_SLOTS, 0);

	if (slots == MAP_FAILED)
		return -errno;
	egress->slots = slots;
	fd_close(EGRESS_FD_SLOTS); /* the mapping stays */
	return 0;
}

static int egress_open(struct egress *egress, struct error *err)
{
	const struct rlimit files = { 65536, 65536 };
	int r = rules_map(EGRESS_FD_CONFIG, &egress->rules);

	if (r < 0)
		return error_set(err, r, "read the relay's configuration");
	fd_close(EGRESS_FD_CONFIG);
	r = resolvers_open(egress);
	if (r < 0)
		return error_set(err, r, "read '" RESOLV_CONF "'");
	r = slots_map(egress);
	if (r < 0)
		return error_set(err, r, "map the ring of the connect hooks");
	/* Fewer than it has are enough, too; then there are fewer connections. */
	IGNORE(setrlimit(RLIMIT_NOFILE, &files) < 0);
	r = loop_new(&egress->loop);
	if (r == 0)
		r = loop_add(egress->loop, &egress->channel_source, EGRESS_FD_CHANNEL, EPOLLIN, channel_ready);
	if (r == 0)
		r = dns_open(egress);
	if (r == 0)
		r = flows_open(egress);
	if (r == 0)
		r = expose_open(egress);
	return r < 0 ? error_set(err, r, "listen") : confine(err);
}

static int egress_run(struct egress *egress)
{
	struct egress_report ready = report_new(EGRESS_READY, NULL);
	int r;

	report_send(egress, &ready);
	r = loop_run(egress->loop);
	dns_close(egress);
	flows_close(egress);
	pipes_close(egress);
	return r;
}

static int fds_check(void)
{
	for (int fd = EGRESS_FD_CHANNEL; fd < EGRESS_FD_LIMIT; fd++)
		if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 && fd <= EGRESS_FD_UDP4 && fd != EGRESS_FD_TCP6)
			return -errno; /* those of IPv6 and of `expose` need not be there */
	return 0;
}

int main(int argc, char **argv)
{
	static struct egress egress = { .channel = EGRESS_FD_CHANNEL };
	struct error err = { 0 };

	(void)argv;
	umask(077);
	log_open("bailiff-egress", LOG_LEVEL_WARN);
	if (argc != 1 || fds_check() < 0 || getuid() == 0) {
		log_error("bad_start", "reason=\"bailiffd starts this program\"");
		return EXIT_BAD_START;
	}
	if (egress_open(&egress, &err) < 0) {
		log_error("not_started", "error=\"%s\"", err.text);
		return EXIT_BAD_START;
	}
	return egress_run(&egress) < 0 ? 1 : 0;
}
