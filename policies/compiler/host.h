/* SPDX-License-Identifier: Apache-2.0 */
/* /etc/bailiff/host.yaml to struct host_settings. Unprivileged: names of users and groups are asked of NSS. */
#ifndef COMPILER_HOST_H
#define COMPILER_HOST_H

#include "compiler/compile.h"
#include "decide/host.h"

/* Finds the number of a user or group: 0, or -ENOENT. */
typedef int (*host_lookup_fn)(bool group, const char *name, uint32_t *ret_id);

/* Compiles one document. Returns 0, or -EINVAL with diagnostics. Total: any bytes are answered. */
int host_compile(const char *name, struct slice bytes, host_lookup_fn lookup, struct host_settings *ret_settings,
		 struct diagnostics *ret_diagnostics) MUST_USE;

#endif
