/* SPDX-License-Identifier: Apache-2.0 */
/* The values of secrets come to pid 1 from whoever started the run: it takes what the plan names, sealed and of the right
 * sizes, and starts nothing otherwise. */
#include "plan/secrets.h"

#include "lib/runner.h"
#include "lib/sandbox.h"

#define VALUES "first-value" "second"
enum { FIRST = 11, SECOND = 6 };

enum change { GOOD, NOTHING_SENT, NO_DESCRIPTOR, OTHER_KIND, NOT_SEALED, NO_MEMFD, NO_MAGIC, COUNT_LESS, COUNT_MORE, LENGTH_ZERO,
	      LENGTH_BIG, TOO_SHORT, TOO_LONG, EMPTY, CHANGE_COUNT };

static int not_sealed(const char *bytes, size_t len)
{
	int fd = memfd_create("values", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	ck_assert_int_eq(io_write(fd, bytes, len), 0);
	ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK), 0);
	return fd;
}

static int values_make(enum change change)
{
	struct secrets_head head = { .magic = SECRETS_MAGIC, .count = 2, .lens = { FIRST, SECOND } };
	struct buf bytes = buf_growing(SECRETS_BYTES_MAX);
	int fd = FD_NONE;

	head.magic += change == NO_MAGIC;
	head.count += change == COUNT_MORE ? 1 : change == COUNT_LESS ? -1U : 0;
	if (change == LENGTH_ZERO)
		head.lens[0] = 0;
	if (change == LENGTH_BIG)
		head.lens[1] = UINT32_MAX - FIRST; /* a sum of 32 bits would wrap */
	ck_assert_int_eq(buf_append(&bytes, &head, sizeof(head)), 0);
	ck_assert_int_eq(buf_append(&bytes, VALUES, FIRST + SECOND - (change == TOO_SHORT) + (change == TOO_LONG)), 0);
	if (change == NO_MEMFD)
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	else if (change == NOT_SEALED)
		fd = not_sealed(bytes.data, bytes.len);
	else
		ck_assert_int_eq(io_sealed_memfd("values", bytes.data, change == EMPTY ? 0 : bytes.len, &fd), 0);
	buf_finish(&bytes);
	return fd;
}

static void values_send(enum change change, int session)
{
	struct session_message message = { .version = WIRE_VERSION,
					   .kind = change == OTHER_KIND ? SESSION_SIGNAL : SESSION_SECRETS };
	int fd = values_make(change);

	if (change != NOTHING_SENT)
		ck_assert_int_eq(fdpass_send(session, &message, sizeof(message), &fd, change != NO_DESCRIPTOR, 0), 0);
	fd_close(fd);
}

static void plan_with_secrets(struct sandbox_plan *plan, const char *script)
{
	plan_start(plan, sandbox_workspace("w"));
	plan_shell(plan, script);
	plan->secrets[0] = (struct plan_secret){ .name = plan_add_text(plan, "a"), .as = SECRET_AS_FILE };
	plan->secrets[1] = (struct plan_secret){ .name = plan_add_text(plan, "V"), .as = SECRET_AS_ENV };
	plan->secret_count = 2;
}

static void start_with_values(struct sandbox *sandbox, enum change change, const char *script)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), self = sys_pidfd_open(getpid(), 0), out[2], pair[2];
	struct sandbox_plan plan;
	struct error err = { 0 };

	*sandbox = (struct sandbox){ .launched = LAUNCHED_NONE, .session = FD_NONE };
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
	values_send(change, pair[0]);
	plan_with_secrets(&plan, script);
	ck_assert_msg(sandbox_start_with(sandbox, &plan, (int[]){ null, out[1], out[1] }, pair[1], self, &err) == 0, "%s",
		      err.text);
	fd_close(null);
	fd_close(self);
	fd_close(out[1]);
	fd_close(pair[1]);
	sandbox->session = pair[0];
	sandbox->output = out[0];
}

START_TEST(what_is_not_the_plan_s_starts_nothing)
{
	struct init_message message;
	struct sandbox sandbox;
	char text[OUTPUT_MAX];

	NEEDS_ROOT();
	start_with_values(&sandbox, (enum change)_i, "cat /run/bailiff/secrets/a; echo $V");
	message = sandbox_message(&sandbox);
	if (_i == GOOD) {
		ck_assert_msg(message.kind == INIT_READY, "control: %s", message.text);
		ck_assert_int_eq(launch_go(&sandbox.launched), 0);
		message = sandbox_message(&sandbox);
		ck_assert_uint_eq(message.kind, INIT_EXITED);
		sandbox_read_output(&sandbox, text, sizeof(text));
		ck_assert_str_eq(text, "first-valuesecond\n");
	} else {
		ck_assert_msg(message.kind == INIT_STAGE_FAILED && strncmp(message.text, "secrets: ", 9) == 0,
			      "row %d, message %u: %s", _i, message.kind, message.text);
	}
	sandbox_end(&sandbox);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("secrets");
	TCase *values = sandbox_case(suite, "values");

	tcase_add_loop_test(values, what_is_not_the_plan_s_starts_nothing, GOOD, CHANGE_COUNT);
	return suite;
}
