/* SPDX-License-Identifier: Apache-2.0 */
/* From a policy document (strict YAML) to struct policy, its canonical JSON and its system call
 * filter. Unprivileged only: links libfyaml, jansson, libseccomp and libcrypto. No global state. */
#ifndef COMPILER_COMPILE_H
#define COMPILER_COMPILE_H

#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"
#include "decide/policy.h"

#define POLICY_BYTES_MAX (1U << 20)
#define POLICY_LEVELS_MAX 16U
#define POLICY_ERRORS_MAX 20U
#define POLICY_PATH_MAX 4096U

struct diagnostic {
	uint32_t line, column;   /* from 1; 0 = the whole file */
	char text[256];          /* one sentence, what came from the file escaped */
};

struct diagnostics {
	const char *file;        /* for display; borrowed */
	uint32_t layer;          /* of the policy_source (source.h) that all items are about */
	uint32_t count;          /* of items[] */
	uint32_t dropped;        /* errors beyond POLICY_ERRORS_MAX */
	uint32_t tested;         /* lines of match and not_match that were asked */
	struct diagnostic items[POLICY_ERRORS_MAX];
};

/* Adds one error; beyond POLICY_ERRORS_MAX it is only counted. */
void diagnostics_add(struct diagnostics *diagnostics, uint32_t line, uint32_t column,
		     const char *fmt, ...) PRINTF_LIKE(4, 5);
/* "FILE:LINE:COLUMN: text" lines on `stream`, in the order of the file. */
void diagnostics_print(FILE *stream, const struct diagnostics *diagnostics);
/* The first error, how many more, the next step and exit code 120 in *err; returns -EINVAL. */
int diagnostics_error(const struct diagnostics *diagnostics, struct error *err);

/* A policy is large: allocate it here, release with policy_free(). NULL without memory. */
struct policy *policy_new(void);
struct policy *policy_free(struct policy *policy);
static inline void policy_free_p(struct policy **policy)
{
	*policy = policy_free(*policy);
}

/* Compiles one document. `name` is the file's name in messages (kept in *ret_diagnostics).
 * Returns 0; -EINVAL with at least one diagnostic (*ret_policy is then not to be used). Total:
 * any bytes are answered. */
int policy_compile(const char *name, const char *bytes, size_t len, struct policy *ret_policy,
		   struct diagnostics *ret_diagnostics) MUST_USE;

/* Appends the canonical JSON (RFC 8785: sorted keys, no blanks, integers only) of the compiled
 * form. Equal policies give equal bytes, whatever the layout of their documents.
 * Returns 0 or -ENOMEM, -ENOSPC. */
int policy_json(const struct policy *policy, struct buf *json) MUST_USE;
/* SHA-256 of bytes, of the canonical JSON above. Returns 0 or -EIO. */
int policy_digest(struct slice json, uint8_t ret_digest[32]) MUST_USE;

/* Reads a file that may be trusted: a regular file, not writable by the world, owned by root or the
 * caller, at most POLICY_BYTES_MAX. Appends its bytes. Returns 0 or -errno; err->exit_code is 120. */
int policy_read(const char *path, struct buf *ret_bytes, struct error *err) MUST_USE;
/* The same, and whose file it was. */
int policy_read_owned(const char *path, struct buf *ret_bytes, uid_t *ret_owner, struct error *err) MUST_USE;
/* The file of a policy: `name` itself when it has a slash or ends in .yaml, else NAME.yaml in
 * $BAILIFF_POLICY_DIR, ~/.config/bailiff/policies (not for root), /etc/bailiff/policies,
 * ../share/bailiff/policies of this program and the build tree's library. The environment is not
 * believed when the caller is root. Returns 0 or -ENOENT with the nearest name in *err. */
int policy_find(const char *name, char path[POLICY_PATH_MAX], struct error *err) MUST_USE;
/* "x.pack.yaml": what policies include, and no policy. */
bool policy_is_pack(const char *file);
/* The i-th directory that policy_find() looks into, "" when it does not exist for this caller;
 * -ENOENT behind the last. */
int policy_directory(size_t i, char path[POLICY_PATH_MAX]);
/* The same for what ships with this program, and nothing else. */
int policy_find_shipped(const char *name, char path[POLICY_PATH_MAX], struct error *err) MUST_USE;
/* find, read and compile, with what it extends. With -EINVAL the errors of the document are in *ret_diagnostics, too. */
int policy_load(const char *name, struct policy *ret_policy, struct diagnostics *ret_diagnostics,
		char path[POLICY_PATH_MAX], struct error *err) MUST_USE;

/* What command-line flags add, so that the digest covers them: an absolute path or a word behind
 * a list of this policy. Returns 0 or -ENOSPC. */
int policy_add(struct policy *policy, struct policy_list *list, struct slice text) MUST_USE;

/* Appends the system call filter of the policy as struct sock_filter instructions: run_spec.filter.
 * Allows by default and refuses with errno only; the build-time base filter is stacked under it.
 * Returns 0 or -errno with text. */
int policy_filter(const struct policy *policy, struct buf *ret_filter, struct error *err) MUST_USE;

#endif
