/* SPDX-License-Identifier: Apache-2.0 */
/* compile FILE ROUNDS: nanoseconds of reading, compiling, writing as canonical JSON and digesting a policy. */
#include <time.h>

#include "base/parse.h"
#include "compiler/source.h"

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static int compile(const char *name)
{
	cleanup_with(policy_free_p) struct policy *policy = policy_new();
	auto_free struct policy_source *source = calloc(1, sizeof(*source));
	cleanup_with(buf_finish) struct buf json = buf_growing(POLICY_BYTES_MAX);
	struct diagnostics diagnostics = { 0 };
	struct error err = { 0 };
	uint8_t digest[32];
	int r = policy && source ? policy_source_read(name, source, &err) : -1;

	if (r == 0)
		r = policy_compile_source(source, policy, NULL, &diagnostics);
	if (r == 0)
		r = policy_json(policy, &json);
	if (r == 0)
		r = policy_digest(buf_slice(&json), digest);
	if (r < 0)
		error_print("compile", &err);
	if (source)
		policy_source_finish(source);
	return r;
}

int main(int argc, char **argv)
{
	uint32_t rounds;
	uint64_t start;

	if (argc != 3 || parse_u32(slice_of(argv[2]), 1, 100000, &rounds) < 0)
		return 2;
	start = now_ns();
	for (uint32_t i = 0; i < rounds; i++) {
		if (compile(argv[1]) < 0)
			return 1;
	}
	printf("%llu\n", (unsigned long long)((now_ns() - start) / rounds));
	return 0;
}
