/* SPDX-License-Identifier: Apache-2.0 */
/* What the installation must have: accounts, groups and the programs beside this one. */
#include "cli/doctor.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>

#include "cli/client.h"
#include "cli/cli.h"
#include "compiler/compile.h"

static const char account_remedy[] =
	"`sudo make deps`, or `sudo systemd-sysusers` with the installed sysusers.d/bailiff.conf";

static const struct {
	const char *name, *what, *cost;
	bool needed;
} accounts[] = {
	{ "bailiff-init", "pid 1 of each sandbox runs as this account", "no run can start", true },
	{ "bailiff-ledger", "the only writer of the ledger", "no run can start", true },
	{ "bailiff-agent", "whom a command of root runs as", "root without sudo cannot start runs", false },
};

void doctor_accounts(struct doctor *doctor)
{
	const struct group *group = getgrnam("bailiff");
	const struct check check = {
		.kind = "account", .name = "group bailiff", .what = "its members may use the supervisor",
		.cost = "only root can start runs", .remedy = account_remedy,
		.state = group ? CHECK_PRESENT : CHECK_MISSING,
	};

	for (size_t i = 0; i < COUNT(accounts); i++) {
		const struct passwd *account = getpwnam(accounts[i].name);
		const struct check row = {
			.kind = "account", .name = accounts[i].name, .what = accounts[i].what,
			.cost = accounts[i].cost, .remedy = account_remedy, .needed = accounts[i].needed,
			/* An account of uid 0 is none: a run never has it. */
			.state = account && account->pw_uid != 0 ? CHECK_PRESENT : CHECK_MISSING,
		};

		doctor_check(doctor, &row);
	}
	doctor_check(doctor, &check);
}

void doctor_files(struct doctor *doctor)
{
	static const char *const programs[] = { "bailiffd", "bailiff-init", "bailiff-ledgerd",
						 "bailiff-records" };
	char path[POLICY_PATH_MAX];
	struct error err = { 0 };

	for (size_t i = 0; i < COUNT(programs); i++) {
		bool found = client_find_program(programs[i], path, sizeof(path), &err) == 0;
		const struct check row = {
			.kind = "file", .name = programs[i], .what = found ? path : "a program of Bailiff",
			.cost = "no run can start", .remedy = "`sudo make install`", .needed = true,
			.state = found ? CHECK_PRESENT : CHECK_MISSING,
		};

		doctor_check(doctor, &row);
	}
	{
		bool found = policy_find("default", path, &err) == 0;
		const struct check row = {
			.kind = "file", .name = "policy default", .what = found ? path : "the shipped policy",
			.cost = "each run needs `-p FILE`", .remedy = "`sudo make install`",
			.state = found ? CHECK_PRESENT : CHECK_MISSING,
		};

		doctor_check(doctor, &row);
	}
}
