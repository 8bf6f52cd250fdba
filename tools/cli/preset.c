/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/preset.h"

#include <string.h>

#include "base/cleanup.h"

static const struct preset {
	const char *program, *policy;
} presets[] = {
	{ "claude", "claude" }, { "codex", "codex" }, { "gemini", "gemini" },
	{ "opencode", "opencode" }, { "copilot", "copilot" }, { "aider", "aider" },
	{ "npm", "npm" }, { "npx", "npm" },
	{ "pip", "pip" }, { "pip3", "pip" },
	{ "cargo", "cargo" },
	{ "git", "git" },
	{ "make", "make" }, { "gmake", "make" },
};

const char *preset_of(const char *command)
{
	const char *slash = strrchr(command, '/');
	const char *name = slash ? slash + 1 : command;

	for (size_t i = 0; i < COUNT(presets); i++) {
		if (strcmp(name, presets[i].program) == 0)
			return presets[i].policy;
	}
	return NULL;
}
