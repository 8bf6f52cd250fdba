/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_IMAGE_H
#define DAEMON_IMAGE_H

#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"

struct image_reader {
	const char *path;        /* the document: a regular file that root alone can write */
	const char *verb[2];     /* `bailiff VERB VERB --image`: document on stdin, struct on stdout */
	uid_t uid;               /* who reads it */
	gid_t gid;
	void *bytes;             /* filled whole */
	size_t size;
};

/* Blocks at most 10 s. Returns 0; -ENOENT without text when there is no such file; or -errno with text, next step and
 * exit code 120. What is in `bytes` then is from a process without privilege and has to be checked. */
int image_read(const struct image_reader *reader, struct error *err) MUST_USE;

#endif
