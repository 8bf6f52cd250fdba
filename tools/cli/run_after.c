/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run_after.h"

#include <errno.h>

#include "cli/kept.h"
#include "cli/runs.h"

void run_after_hint(int control_fd, const struct ulid *run, bool learned)
{
	cleanup_with(layer_finish) struct layer layer = LAYER_NOTHING;
	char text[ULID_TEXT_LEN + 1];
	const char *tail = text + ULID_TEXT_LEN - 2 * RUNS_TAIL_MIN;
	struct error err = { 0 };
	int r = layer_ask(control_fd, run, 0, &layer, &err);

	ulid_text(run, text);
	if (layer.live)
		return; /* left by its keys: it goes on */
	if (learned)
		fprintf(stderr, "bailiff: `bailiff policy suggest %s` makes a policy of what the run did\n", tail);
	if (r == -ENOENT)
		fprintf(stderr, "bailiff: the run changed nothing in its workspace\n");
	else
		fprintf(stderr, "bailiff: the workspace is untouched; what the run changed is kept\n"
			"  next: `bailiff changes %s` shows it, `bailiff commit %s` writes it back, "
			"`bailiff rollback %s` drops it\n", tail, tail, tail);
}

static int show(struct layer *layer, struct error *err)
{
	char sum[256];
	int r = layer_enter(layer, true, false, err);

	if (r == 0)
		r = layer_look(layer, err);
	if (r == 0)
		r = layer_select(layer, NULL, 0, err);
	if (r < 0)
		return r;
	changes_sum(layer, sum, sizeof(sum));
	fprintf(stderr, "bailiff: a dry run: %s; nothing is kept\n", sum);
	/* The command's own output stays what it was. */
	if (fflush(stdout) != 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		return error_set(err, -errno, "show the changes");
	changes_print(layer);
	return 0;
}

int run_after_dry(int control_fd, const struct ulid *run, struct error *err)
{
	cleanup_with(layer_finish) struct layer layer = LAYER_NOTHING;
	int r = layer_ask(control_fd, run, 0, &layer, err);

	if (r == -ENOENT) {
		fprintf(stderr, "bailiff: a dry run: no change\n");
		*err = (struct error){ 0 };
		return 0;
	}
	if (r == 0 && layer.live) {
		error_say(err, -EBUSY, "the run goes on, so this dry run shows nothing and keeps its changes");
		return error_next(err, "`bailiff changes RUN` and `bailiff rollback RUN` when it is over");
	}
	if (r == 0)
		r = show(&layer, err);
	return r < 0 ? r : layer_settle(control_fd, run, 0, "a dry run", err);
}
