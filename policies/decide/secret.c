/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/policy.h"

#include "base/cleanup.h"
#include "base/slice.h"

#define SECRET_NAME_MAX 64U

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* Variables that tell the run about itself, and those by which programs would load code. */
static bool is_taken(struct slice name)
{
	static const char *const starts[] = { "BAILIFF_", "NOTIFY_SOCKET", "WATCHDOG_", "LD_", "PATH" };

	for (size_t i = 0; i < COUNT(starts); i++)
		if (slice_starts(name, slice_of(starts[i])))
			return true;
	return false;
}

bool secret_name_ok(const char *name, size_t len, enum secret_as as)
{
	if (len == 0 || len > SECRET_NAME_MAX)
		return false;
	for (size_t i = 0; i < len; i++) {
		bool later = i > 0 && name[i] >= '0' && name[i] <= '9';
		bool of_files = as == SECRET_AS_FILE && ((name[i] >= '0' && name[i] <= '9') ||
							 (i > 0 && (name[i] == '-' || name[i] == '.')));

		if (!is_letter(name[i]) && !later && !of_files)
			return false;
	}
	return as == SECRET_AS_FILE || !is_taken(slice_new(name, len));
}
