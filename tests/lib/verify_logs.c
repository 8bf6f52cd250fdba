/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/verify_logs.h"

#include <check.h>

void verify_logs_make(struct verify_logs *logs)
{
	sample_log_make(&logs->sample, 0, &logs->older);
	sample_log_copy(&logs->sample, &logs->copy);
	IGNORE(snprintf(logs->memory_dir, sizeof(logs->memory_dir), "%s/memory", logs->copy.dir) < 0);
}

void verify_logs_remove(struct verify_logs *logs)
{
	sample_log_remove(&logs->sample);
	sample_log_remove(&logs->older);
	sample_log_remove(&logs->copy);
}

struct verify_options verify_enrolled(const char *db)
{
	return (struct verify_options){ .path = db, .policy = "/nonexistent", .enrol = true };
}

struct verify_report verify_must(const struct verify_options *options)
{
	struct verify_report report;
	struct error err = { 0 };
	int r = verify_run(options, &report, &err);

	ck_assert_msg(r == 0, "verify gave %d: %s", r, err.text);
	return report;
}

struct verify_report verify_logs_verify(const char *db)
{
	struct verify_options options = verify_enrolled(db);

	return verify_must(&options);
}

const char *verify_first_text(const struct verify_report *report)
{
	return report->finding_count ? report->findings[0].text : "nothing";
}
