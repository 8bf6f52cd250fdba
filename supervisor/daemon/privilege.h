/* SPDX-License-Identifier: Apache-2.0 */
/* What the supervisor keeps of root's rights. */
#ifndef DAEMON_PRIVILEGE_H
#define DAEMON_PRIVILEGE_H

#include "base/error.h"

/* Drops every capability that launching, watching and killing do not need, from all sets. One that
 * the host has taken away already is not missed here: the probes tell. */
int privilege_trim(struct error *err) MUST_USE;

#endif
