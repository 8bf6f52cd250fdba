/* SPDX-License-Identifier: Apache-2.0 */
/* What an administrator says of this host, read once at the start: the ceiling of all plans, and who is who. Settings that
 * cannot be used start nothing. */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/log.h"
#include "daemon/daemon.h"
#include "daemon/image.h"
#include "decide/host.h"
#include "plan/ceiling.h"

/* `named`: on the command line; else the file may be missing. Returns 1 when it was read, 0 when there is none. */
static int read_one(struct daemon *daemon, struct image_reader *reader, const char *named, const char *usual,
		    struct error *err)
{
	int r;

	reader->path = named ? named : usual;
	reader->uid = daemon->runs.init_uid;
	reader->gid = daemon->runs.init_gid;
	r = image_read(reader, err);
	if (r == -ENOENT && !named && err->code == 0)
		return 0;
	if (r == -ENOENT && err->code == 0)
		return error_set(err, r, "open '%s'", reader->path);
	return r < 0 ? r : 1;
}

static int open_ceiling(struct daemon *daemon, struct error *err)
{
	auto_free struct ceiling *ceiling = calloc(1, sizeof(*ceiling));
	struct image_reader reader = { .verb = { "policy", "ceiling" }, .bytes = ceiling, .size = sizeof(*ceiling) };
	int r = ceiling ? read_one(daemon, &reader, daemon->options.ceiling, OPTIONS_CEILING, err) :
			  error_set(err, -ENOMEM, "read the ceiling");

	if (r <= 0)
		return r;
	r = ceiling_check(ceiling, err);
	if (r < 0)
		return r;
	log_info("ceiling", "file=\"%s\" paths=%u networks=%u names=%u", reader.path, ceiling->path_count,
		 ceiling->net_count, ceiling->name_count);
	daemon->ceiling = TAKE(ceiling);
	return 0;
}

/* False: more users or groups than a role has room for. */
static bool roles_take(struct role_map *map, const struct host_settings *host)
{
	for (uint32_t i = 0; i < host->role_count; i++) {
		const struct host_role *role = &host->roles[i];
		struct role_ids *ids = &map->of[role->role];

		if ((role->group ? ids->gid_count : ids->uid_count) == ROLE_IDS_MAX)
			return false;
		if (role->group)
			ids->gids[ids->gid_count++] = role->id;
		else
			ids->uids[ids->uid_count++] = role->id;
	}
	return true;
}

static int open_host(struct daemon *daemon, struct error *err)
{
	auto_free struct host_settings *host = calloc(1, sizeof(*host));
	struct image_reader reader = { .verb = { "config", "check" }, .bytes = host, .size = sizeof(*host) };
	int r = host ? read_one(daemon, &reader, daemon->options.host, OPTIONS_HOST, err) :
		       error_set(err, -ENOMEM, "read the host's settings");

	if (r <= 0)
		return r;
	r = host_check(host, err);
	if (r < 0)
		return r;
	if (!roles_take(&daemon->runs.people.roles, host))
		return error_say(err, -ENOSPC, "'%s' gives one role to more than %u users or groups", reader.path,
				 ROLE_IDS_MAX);
	log_info("host", "file=\"%s\" agents=%u roles=%u", reader.path, host->agent_count, host->role_count);
	daemon->host = TAKE(host);
	return 0;
}

int settings_open(struct daemon *daemon, struct error *err)
{
	int r = open_ceiling(daemon, err);

	return r < 0 ? r : open_host(daemon, err);
}

void settings_close(struct daemon *daemon)
{
	free(daemon->ceiling);
	free(daemon->host);
	daemon->ceiling = NULL;
	daemon->host = NULL;
}

static bool exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

int ceiling_gate(const struct daemon *daemon, const struct plan *plan, struct error *err)
{
	return daemon->ceiling ? ceiling_covers(daemon->ceiling, plan, exists, err) : 0;
}
