/* SPDX-License-Identifier: Apache-2.0 */
/* `.bailiff.yaml` in the workspace and in the root of the git repository around it: what a project asks for
 * beyond the policy of a run. It can only tighten (compiler/tighten.h), for whoever works there can write one.
 * Read once, before anything starts; no process of the run can write, replace or make one. */
#ifndef CLI_PROJECT_FILE_H
#define CLI_PROJECT_FILE_H

#include "cli/identity.h"
#include "compiler/compile.h"

#define PROJECT_FILE ".bailiff.yaml"

struct project_file {
	char path[POLICY_PATH_MAX];  /* absolute, without links */
	struct buf bytes;
	uint8_t digest[32];          /* SHA-256 of bytes */
};

struct project_files {
	uint32_t count;
	struct project_file files[POLICY_PROJECTS_MAX]; /* of the repository first, then of the workspace */
};

/* Finds and reads them, for a run in `workspace` ("." is the current directory) as `identity`. None is no
 * error. Refused with exit code 120 and a next step: what is no regular file with one name, belongs neither
 * to the run's user nor to root, is writable by everybody, or cannot be read. Understands nothing of it.
 * Release with project_files_finish() in each case. */
int project_files_read(const char *workspace, const struct identity *identity,
		       struct project_files *ret_files, struct error *err) MUST_USE;
void project_files_finish(struct project_files *files);

/* Writes down in the policy which files tightened it, and protects them and all `.bailiff*` of the workspace
 * whatever it says. Returns 0 or -ENOSPC with text. */
int project_files_protect(const struct project_files *files, struct policy *policy,
			  struct error *err) MUST_USE;

#endif
