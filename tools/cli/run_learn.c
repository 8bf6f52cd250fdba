/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run_learn.h"

#include "base/slice.h"

/* Reads of the system's own folders are not recorded, so nothing of them is shown beyond what the policy says. */
static const char *const shown[] = { "~", "/opt", "/srv" };

/* Whatever the policy hides stays hidden; a policy of one's own may hide nothing. What why_danger.c calls a
 * secret, and where other programs keep theirs. */
static const char *const hidden[] = {
	"~/.ssh", "~/.gnupg", "~/.local/share/keyrings", "~/.local/share/kwalletd", "~/.password-store", "~/.pki",
	"~/.aws", "~/.azure", "~/.config/gcloud", "~/.config/gh", "~/.config/glab-cli", "~/.config/hub", "~/.config/op",
	"~/.kube", "~/.docker", "~/.netrc", "~/.git-credentials", "~/.config/git/credentials", "~/.npmrc", "~/.yarnrc.yml",
	"~/.pypirc", "~/.cargo/credentials*", "~/.gem/credentials", "~/.m2/settings*.xml", "~/.terraform.d", "~/.vault-token",
	"~/.env*", "~/.pgpass", "~/.my.cnf", "~/.*_history", "~/.mozilla", "~/.thunderbird", "~/.config/google-chrome",
	"~/.config/chromium", "~/.config/BraveSoftware", "~/.config/rclone", "~/.config/sops",
};

static int add_all(struct policy *policy, struct policy_list *list, const char *const *texts, size_t count)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++)
		r = policy_add(policy, list, slice_of(texts[i]));
	return r;
}

int run_learn(struct policy *policy)
{
	int r = add_all(policy, &policy->hide, hidden, COUNT(hidden));

	policy->mode = MODE_LEARN;
	policy->tier = MAX(policy->tier, 1U);
	if (policy->workspace_mode == WORKSPACE_READONLY)
		policy->workspace_mode = WORKSPACE_DIRECT;
	if (r == 0)
		r = add_all(policy, &policy->read, shown, COUNT(shown));
	return r < 0 ? r : policy_add(policy, &policy->write, slice_of("."));
}
