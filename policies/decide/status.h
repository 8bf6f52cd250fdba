/* SPDX-License-Identifier: Apache-2.0 */
/* What a run is doing now (behaviour model, section 2.4). Part of the wire and of policies: append only. */
#ifndef DECIDE_STATUS_H
#define DECIDE_STATUS_H

enum run_status { RUN_STATUS_PENDING, RUN_STATUS_STARTING, RUN_STATUS_RUNNING, RUN_STATUS_PAUSED,
		  RUN_STATUS_RECOVERING, RUN_STATUS_COMPLETED, RUN_STATUS_FAILED, RUN_STATUS_REVOKED,
		  RUN_STATUS_COUNT };

#endif
