/* SPDX-License-Identifier: Apache-2.0 */
/* Which BPF features this kernel really has: by loading and attaching tiny programs and detaching
 * them again, never by asking a version. */
#ifndef WATCH_PROBE_H
#define WATCH_PROBE_H

#include "base/feature.h"

/* Fills the rows FEATURE_BTF and FEATURE_BPF_* and watch_tier. `cgroup_fd` is a directory of the v2
 * tree to attach the cgroup programs to for a moment, or FD_NONE (they stay FEATURE_UNKNOWN then).
 * Blocks for the verifier, some 10 ms. */
void watch_probe(int cgroup_fd, struct feature_report *report);

/* libbpf's own words are dropped unless this is on (bailiffd's debug log level). */
void watch_verbose(bool on);

#endif
