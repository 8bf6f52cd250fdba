/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/phase.h"

#include <strings.h>

enum phase phase_find(struct slice name)
{
	for (unsigned int i = 0; i < PHASE_COUNT; i++) {
		const char *known = phase_name((enum phase)i);

		if (strlen(known) == name.len && strncasecmp(known, name.data, name.len) == 0)
			return (enum phase)i;
	}
	return PHASE_COUNT;
}

bool is_terminal_phase(enum phase phase)
{
	return phase == PHASE_EXIT || phase == PHASE_REVOKED;
}
