/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/identity.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>

#include "base/parse.h"
#include "base/text.h"
#include "cli/cli.h"

static int account_missing(uid_t uid, struct error *err)
{
	error_say(err, -ENOENT, "uid %u has no account on this machine", uid);
	error_next(err, "run as a user that `getent passwd` knows");
	return error_exit(err, CLI_REFUSED);
}

static int own_groups(struct identity *identity, struct error *err)
{
	int count = getgroups(IDENTITY_GROUPS_MAX, identity->groups);

	if (count < 0)
		return error_set(err, -errno, "read the groups of uid %u", identity->uid);
	identity->group_count = (size_t)count;
	return 0;
}

static int account_groups(struct identity *identity, struct error *err)
{
	int count = IDENTITY_GROUPS_MAX;

	if (getgrouplist(identity->name, identity->gid, identity->groups, &count) < 0) {
		error_say(err, -E2BIG, "account '%s' is in more than %d groups", identity->name,
			  IDENTITY_GROUPS_MAX);
		return error_exit(err, CLI_REFUSED);
	}
	identity->group_count = (size_t)count;
	return 0;
}

static int account_take(const struct passwd *account, struct identity *identity, struct error *err)
{
	identity->uid = account->pw_uid;
	identity->gid = account->pw_gid;
	if (text_copy(identity->name, sizeof(identity->name), slice_of(account->pw_name)) < 0 ||
	    text_copy(identity->home, sizeof(identity->home), slice_of(account->pw_dir)) < 0 ||
	    text_copy(identity->shell, sizeof(identity->shell), slice_of(account->pw_shell)) < 0)
		return error_say(err, -ENAMETOOLONG, "account of uid %u: name, home or shell is too long",
				 account->pw_uid);
	return 0;
}

static int identity_self(struct identity *identity, struct error *err)
{
	const struct passwd *account = getpwuid(getuid());
	const char *home = getenv("HOME");
	int r;

	if (!account)
		return account_missing(getuid(), err);
	r = account_take(account, identity, err);
	if (r < 0)
		return r;
	identity->gid = getgid();
	if (home && home[0] == '/')
		r = text_copy(identity->home, sizeof(identity->home), slice_of(home));
	if (r < 0)
		return error_set(err, r, "HOME");
	identity->owner_uid = identity->uid;
	IGNORE(text_copy(identity->owner_name, sizeof(identity->owner_name), slice_of(identity->name)));
	return own_groups(identity, err);
}

static int identity_sudo(uid_t uid, struct identity *identity, struct error *err)
{
	const struct passwd *account = getpwuid(uid);
	int r;

	if (!account)
		return account_missing(uid, err);
	r = account_take(account, identity, err);
	if (r < 0)
		return r;
	identity->owner_uid = uid;
	IGNORE(text_copy(identity->owner_name, sizeof(identity->owner_name), slice_of(identity->name)));
	return account_groups(identity, err);
}

static int identity_agent(struct identity *identity, struct error *err)
{
	const struct passwd *root = getpwuid(0);
	const struct passwd *account;
	char home[sizeof(identity->home)] = "/root", shell[sizeof(identity->shell)] = "";
	int r;

	/* getpwuid() and getpwnam() share their memory. */
	if (root && (text_copy(home, sizeof(home), slice_of(root->pw_dir)) < 0 ||
		     text_copy(shell, sizeof(shell), slice_of(root->pw_shell)) < 0))
		return error_say(err, -ENAMETOOLONG, "root's home or shell is too long");
	account = getpwnam(IDENTITY_ACCOUNT);
	if (!account || account->pw_uid == 0) {
		error_say(err, -ENOENT, "the account '" IDENTITY_ACCOUNT "' is missing: a command of root "
			  "runs as it, never as uid 0");
		error_next(err, "`sudo systemd-sysusers` with Bailiff's sysusers.d file, or `sudo make deps`; "
			   "or use sudo from your own account");
		return error_exit(err, CLI_REFUSED);
	}
	r = account_take(account, identity, err);
	if (r < 0)
		return r;
	identity->owner_uid = 0;
	IGNORE(text_copy(identity->home, sizeof(identity->home), slice_of(home)));
	IGNORE(text_copy(identity->shell, sizeof(identity->shell), slice_of(shell)));
	IGNORE(text_copy(identity->owner_name, sizeof(identity->owner_name), slice_of("root")));
	return account_groups(identity, err);
}

int identity_find(struct identity *ret_identity, struct error *err)
{
	const char *sudo_uid = getenv("SUDO_UID");
	uid_t uid = 0;

	*ret_identity = (struct identity){ .uid = UID_NONE, .owner_uid = UID_NONE, .gid = GID_NONE };
	if (geteuid() != 0)
		return identity_self(ret_identity, err);
	if (sudo_uid && parse_uid(slice_of(sudo_uid), &uid) < 0) {
		error_say(err, -EINVAL, "SUDO_UID '%s' is no uid", sudo_uid);
		error_next(err, "unset SUDO_UID, or set it to the uid that the command shall run as");
		return error_exit(err, CLI_REFUSED);
	}
	return uid != 0 ? identity_sudo(uid, ret_identity, err) : identity_agent(ret_identity, err);
}

static bool gone_for_good(const struct identity *identity)
{
	uid_t real, effective, saved;
	gid_t real_gid, effective_gid, saved_gid;

	if (getresuid(&real, &effective, &saved) < 0 ||
	    getresgid(&real_gid, &effective_gid, &saved_gid) < 0)
		return false;
	return real == identity->uid && effective == real && saved == real &&
	       real_gid == identity->gid && effective_gid == real_gid && saved_gid == real_gid &&
	       setuid(0) < 0;
}

int identity_of(uid_t uid, struct identity *ret_identity, struct error *err)
{
	*ret_identity = (struct identity){ .uid = UID_NONE, .owner_uid = UID_NONE, .gid = GID_NONE };
	return identity_sudo(uid, ret_identity, err);
}

static int become(const struct identity *identity, size_t group_count)
{
	if (identity->uid == 0 || identity->uid == UID_NONE || identity->gid == GID_NONE)
		return -EINVAL;
	/* In this order: each step needs what the next takes away. setresuid() from 0 to another uid
	 * empties the effective and permitted capability sets (capabilities(7)). */
	if (setgroups(group_count, identity->groups) < 0 ||
	    setresgid(identity->gid, identity->gid, identity->gid) < 0 ||
	    setresuid(identity->uid, identity->uid, identity->uid) < 0)
		return -errno;
	return gone_for_good(identity) ? 0 : -EPERM;
}

int identity_become(const struct identity *identity)
{
	int r = become(identity, 0);

	if (r == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		r = -errno;
	return r == 0 && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1 ? -EPERM : r;
}

int identity_become_caller(const struct identity *identity)
{
	return become(identity, identity->group_count);
}
