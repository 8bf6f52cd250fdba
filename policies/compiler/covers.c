/* SPDX-License-Identifier: Apache-2.0 */
#include "compiler/covers.h"

#include "base/cleanup.h"
#include "decide/net_name.h"

static struct slice item_of(const struct policy *policy, const struct policy_list *list, uint32_t i)
{
	return slice_new(policy_text(policy, list->items[i]), list->items[i].len);
}

bool covers_path(const struct policy *policy, const struct policy_list *list, struct slice path)
{
	for (uint32_t i = 0; i < list->count; i++) {
		struct slice entry = item_of(policy, list, i);

		if (slice_eq(path, entry) || (slice_is(entry, ".") && slice_starts(path, slice_of("./"))))
			return true;
	}
	return false;
}

bool covers_name(const struct policy *policy, const struct policy_list *list, struct slice name)
{
	for (uint32_t i = 0; i < list->count; i++) {
		struct slice entry = item_of(policy, list, i);

		if (slice_eq(entry, name))
			return true;
		if (entry.len > 0 && entry.data[entry.len - 1] == '*' &&
		    slice_starts(name, slice_new(entry.data, entry.len - 1)))
			return true;
	}
	return false;
}

static bool rule_covered(const struct policy *policy, const struct policy_list *list,
			 const struct net_rule *inner, enum net_where where)
{
	for (uint32_t i = 0; i < list->count; i++) {
		struct net_rule rules[NET_ENTRY_RULES_MAX];
		int count = net_entry_parse(item_of(policy, list, i), NET_ALLOW, where, rules);

		for (int j = 0; j < count; j++) {
			if (net_rule_within(inner, &rules[j]))
				return true;
		}
	}
	return false;
}

static bool name_covered(const struct policy *policy, const struct policy_list *list, const struct net_name *inner)
{
	for (uint32_t i = 0; i < list->count; i++) {
		struct net_name outer;

		if (net_name_parse(item_of(policy, list, i), NET_ALLOW, &outer) == 0 && net_name_within(inner, &outer))
			return true;
	}
	return false;
}

bool covers_net(const struct policy *policy, const struct policy_list *list, struct slice entry,
		enum net_where where)
{
	struct net_rule rules[NET_ENTRY_RULES_MAX];
	int count = net_entry_parse(entry, NET_ALLOW, where, rules);
	struct net_name name;

	for (uint32_t i = 0; i < list->count; i++) {
		struct slice item = item_of(policy, list, i);

		if (slice_eq(item, entry) || slice_is(item, "*"))
			return true;
	}
	if (count < 0)
		return where == NET_CONNECT && net_name_parse(entry, NET_ALLOW, &name) == 0 &&
		       name_covered(policy, list, &name);
	for (int i = 0; i < count; i++) {
		if (!rule_covered(policy, list, &rules[i], where))
			return false;
	}
	return count > 0;
}
