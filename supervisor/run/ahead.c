/* SPDX-License-Identifier: Apache-2.0 */
/* What the next launch will find: a spare, and a porter for the spare after it. Both are made behind an
 * answer. Whether the porter stands in its groups is told by its socket; it leaves the loop before anybody uses it, because
 * its descriptors are closed then. */
#include <string.h>
#include <sys/epoll.h>

#include "run/run.h"

struct launch_host runs_host(struct runs *runs)
{
	return (struct launch_host){
		.init_fd = runs->init_fd, .agent_program = runs->agent_program, .supervisor_pidfd = runs->self_pidfd,
		.tree = runs->tree, .init_uid = runs->init_uid, .init_gid = runs->init_gid, .porter = &runs->porter,
	};
}

static int porter_stands(struct source *source, uint32_t events)
{
	struct runs *runs = container_of(source, struct runs, porter_source);

	(void)events;
	loop_remove(runs->loop, source);
	runs_porter_start(runs);
	return 0;
}

void runs_porter_leave(struct runs *runs)
{
	loop_remove(runs->loop, &runs->porter_source);
}

void runs_porter_watch(struct runs *runs)
{
	/* Without it the next tick looks. */
	if (runs->porter.pid && !porter_ready(&runs->porter) && !runs->porter_source.active)
		IGNORE(loop_add(runs->loop, &runs->porter_source, runs->porter.ours, EPOLLIN, porter_stands) < 0);
}

/* A failure costs the next launch time and nothing else. */
void runs_porter_start(struct runs *runs)
{
	const struct launch_host host = runs_host(runs);

	if (runs->no_porter)
		return;
	runs_porter_leave(runs);
	/* Where v1 has limits, by a porter or not at all: without one, entering the groups holds up everybody. */
	if (!porter_is_needed(runs->tree) || porter_ready(&runs->porter))
		IGNORE(spare_make(&runs->spare, &host) < 0);
	IGNORE(porter_start(&runs->porter, runs->tree) < 0);
	runs_porter_watch(runs);
}

void runs_ahead_finish(struct runs *runs)
{
	if (runs->loop)
		runs_porter_leave(runs);
	spare_drop(&runs->spare);
	if (runs->tree)
		porter_stop(&runs->porter, runs->tree);
}

int runs_id_next(const struct runs *runs, bool own_network, struct ulid *ret_id)
{
	if (!own_network || !spare_is_there(&runs->spare))
		return ulid_new(ret_id);
	*ret_id = runs->spare.run;
	return 0;
}

void runs_id_drop(struct runs *runs, const struct ulid *id)
{
	if (memcmp(&runs->spare.run, id, sizeof(*id)) == 0)
		spare_drop(&runs->spare);
}
