/* SPDX-License-Identifier: Apache-2.0 */
/* What `bailiff attach` and the process that has a run's terminal say to each other, over a SOCK_SEQPACKET pair whose
 * second end the supervisor passed on. Both are processes of people; neither believes the other's lengths. */
#ifndef CLI_VIEW_H
#define CLI_VIEW_H

#include <stddef.h>
#include <stdint.h>

#include "daemon/wire.h"

#define VIEW_BYTES_MAX 4096U

enum view_kind {
	VIEW_OUTPUT = 1,  /* to the viewer: bytes of the run */
	VIEW_SAY,         /* to the viewer: a line of ours, text */
	VIEW_STOPPED,     /* to the viewer: the command stopped by signal `value` */
	VIEW_ENDED,       /* to the viewer, last: exit code `value`, and why as text */
	VIEW_INPUT,       /* from the viewer: bytes that were typed */
	VIEW_SIZE,        /* from the viewer: its window */
	VIEW_CONTINUE,    /* from the viewer: the person brought the job back */
};

struct view_message {     /* sent as far as its bytes go */
	uint32_t version; /* WIRE_VERSION */
	uint32_t kind;
	int32_t value;
	uint16_t rows, columns;
	char bytes[VIEW_BYTES_MAX];
};
#define VIEW_HEAD_BYTES offsetof(struct view_message, bytes)

#endif
