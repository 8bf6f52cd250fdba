/* SPDX-License-Identifier: Apache-2.0 */
/* Runs one suite and accounts for it. Skips are counted in a page that is shared with the forked
 * tests, because a child's memory dies with it. */
#include "lib/runner.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include "base/cleanup.h"
#include "base/error.h"

struct runner_page {
	atomic_uint skipped;
};

static struct runner_page *page;

static bool must_work(const char *what)
{
	const char *list = getenv("MUST_WORK");
	size_t len;

	for (const char *word = list; word && *word; word += len) {
		word += strspn(word, " ,");
		len = strcspn(word, " ,");
		if (len == 3 && memcmp(word, "all", 3) == 0)
			return true;
		if (len == strlen(what) && memcmp(word, what, len) == 0)
			return true;
	}
	return false;
}

/* libcheck names the function of a test `name_fn`. */
static int name_length(const char *function)
{
	size_t len = strlen(function);

	return (int)(len > 3 && strcmp(function + len - 3, "_fn") == 0 ? len - 3 : len);
}

bool runner_goes_on(const char *function, const char *what, bool present, const char *reason)
{
	if (present)
		return true;
	if (must_work(what))
		ck_abort_msg("MUST_WORK names %s, but: %s", what, reason);
	printf("SKIP %.*s: %s: %s\n", name_length(function), function, what, reason);
	fflush(stdout);
	if (page)
		atomic_fetch_add(&page->skipped, 1);
	return false;
}

static void print_failures(const char *name, SRunner *runner, int failed)
{
	TestResult **results = srunner_failures(runner);

	for (int i = 0; results && i < failed; i++)
		printf("FAIL %s: %s (%s:%d): %s\n", name, tr_tcname(results[i]), tr_lfile(results[i]),
		       tr_lno(results[i]), tr_msg(results[i]) ? tr_msg(results[i]) : "no message");
	free(results);
}

/* The numbers for tools/sum-results. A missing folder is no error: a person runs one suite. */
static int write_results(const char *name, int passed, int failed, unsigned int skipped)
{
	const char *folder = getenv("BAILIFF_RESULTS");
	auto_close int dir = FD_NONE, fd = FD_NONE;

	if (!folder)
		return 0;
	dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || dprintf(fd, "%d %d %u\n", passed, failed, skipped) < 0) {
		fprintf(stderr, "%s: results in %s: %s\n", name, folder, errno_name(errno));
		return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
	const char *name = slash ? slash + 1 : argc > 0 ? argv[0] : "test";
	SRunner *runner = srunner_create(suite_make());
	int passed, failed, bad;
	unsigned int skipped;

	page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return 2;
	/* Forked tests inherit what stdio holds, and would print it again. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	srunner_run_all(runner, getenv("CK_VERBOSITY") ? CK_ENV : CK_SILENT);
	failed = srunner_ntests_failed(runner);
	skipped = atomic_load(&page->skipped);
	passed = srunner_ntests_run(runner) - failed - (int)skipped;
	print_failures(name, runner, failed);
	printf("%s: %d passed, %d failed, %u skipped\n", name, passed, failed, skipped);
	bad = write_results(name, passed, failed, skipped);
	srunner_free(runner);
	/* A suite that ran nothing proves nothing. */
	return failed > 0 || bad || passed + (int)skipped == 0;
}
