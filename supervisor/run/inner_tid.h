/* SPDX-License-Identifier: Apache-2.0 */
/* A thread of a run by the number that the run itself gives it. */
#ifndef RUN_INNER_TID_H
#define RUN_INNER_TID_H

#include <sys/types.h>

/* `pidns`: the run's pid namespace; `cgroup`: the directory of its cgroup, for kernels before 6.11, where all
 * of its threads are looked at. Returns the number as we count, 0 when there is no such thread. */
pid_t inner_tid(int pidns, int cgroup, pid_t tid);

#endif
