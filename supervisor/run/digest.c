/* SPDX-License-Identifier: Apache-2.0 */
#include "run/digest.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/sha256.h"

/* With a * at the end: all that begin so. */
static const char *const variables[] = {
	"LD_*", "GLIBC_TUNABLES", "GCONV_PATH", "LOCPATH", "PATH", "IFS",
	"ENV", "BASH_ENV", "BASH_FUNC_*", "BASHOPTS", "SHELLOPTS", "PROMPT_COMMAND", "ZDOTDIR", "SHELL",
	"PYTHON*", "PERL5*", "PERLLIB", "PERL_*", "RUBY*", "GEM_*", "BUNDLE_*", "NODE_*", "npm_config_*",
	"NPM_CONFIG_*", "JAVA_*", "_JAVA_OPTIONS", "JDK_*", "CLASSPATH", "LUA_*", "PHP*", "TCL*",
	"GIT_*", "SSH_ASKPASS", "SSH_ASKPASS_REQUIRE", "SUDO_ASKPASS", "PAGER", "MANPAGER", "EDITOR", "VISUAL",
	"BROWSER", "LESSOPEN", "LESSCLOSE", "TAR_OPTIONS", "RSYNC_*", "MAKEFLAGS", "MAKEFILES", "MAKEOVERRIDES",
	"CARGO*", "RUSTC*", "RUSTFLAGS", "GOFLAGS", "CC", "CXX", "TERMINFO*",
};

static bool matches(struct slice name, const char *pattern)
{
	size_t len = strcspn(pattern, "*");

	if (pattern[len] == '*')
		return slice_starts(name, slice_new(pattern, len));
	return slice_is(name, pattern);
}

bool digest_binds_variable(struct slice variable)
{
	const char *equals = memchr(variable.data, '=', variable.len);
	struct slice name = slice_new(variable.data, equals ? (size_t)(equals - variable.data) : variable.len);

	for (size_t i = 0; i < COUNT(variables); i++)
		if (matches(name, variables[i]))
			return true;
	return false;
}

/* Each part with its length, so that no two lists of parts give the same bytes. */
static void add(struct sha256 *context, const void *bytes, size_t len)
{
	uint64_t size = len;

	sha256_add(context, &size, sizeof(size));
	sha256_add(context, bytes, len);
}

void digest_exec(const struct held *held, const struct program_cwd *cwd, const struct program *chain,
		 size_t chain_count, uint32_t environments, uint8_t ret_digest[32])
{
	struct sha256 context;

	sha256_begin(&context);
	add(&context, "bailiff exec 1", 14);
	add(&context, held->strings, held->arg_bytes);
	add(&context, cwd->path, strlen(cwd->path));
	for (size_t i = 0; i < chain_count; i++) {
		add(&context, chain[i].path, chain[i].path_len);
		add(&context, &chain[i].file, sizeof(chain[i].file));
	}
	for (uint32_t i = 0; i < held->envc; i++)
		if (digest_binds_variable(held->env[i]))
			add(&context, held->env[i].data, held->env[i].len);
	add(&context, &environments, sizeof(environments));
	sha256_end(&context, ret_digest);
}
