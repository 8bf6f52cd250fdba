/* SPDX-License-Identifier: Apache-2.0 */
/* The checks of `bailiff doctor` and how they are shown. */
#ifndef CLI_DOCTOR_H
#define CLI_DOCTOR_H

#include <stdbool.h>

enum check_state { CHECK_MISSING, CHECK_PRESENT, CHECK_UNKNOWN };

struct check {
	const char *kind;     /* "kernel", "account", "file" */
	const char *name, *what, *cost, *remedy; /* ready to print; borrowed */
	bool needed;          /* without it no run can start */
	enum check_state state;
};

struct doctor {
	bool json, colour;
	unsigned int broken;  /* needed and missing */
	unsigned int weaker;  /* missing, not needed */
};

/* Prints and counts one check. */
void doctor_check(struct doctor *doctor, const struct check *check);

void doctor_accounts(struct doctor *doctor);
void doctor_files(struct doctor *doctor);

#endif
