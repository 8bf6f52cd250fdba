/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "egress/egress.h"

#define TOLD_AGAIN_NS 10000000000ULL

struct egress_report report_new(enum egress_kind kind, const struct relay_slot *slot)
{
	struct egress_report report = { .version = EGRESS_VERSION, .kind = kind,
					.protocol = IPPROTO_TCP };

	if (!slot || slot->number == ~0U)
		return report;
	report.pid = slot->tgid;
	report.uid = slot->uid;
	report.proc_start_ns = slot->start_ns;
	memcpy(report.addr, slot->addr, sizeof(report.addr));
	report.port = slot->port;
	report.protocol = slot->type == SOCK_DGRAM ? IPPROTO_UDP : IPPROTO_TCP;
	return report;
}

void report_name(struct egress_report *report, struct slice name)
{
	size_t len = MIN(name.len, sizeof(report->name) - 1);

	memset(report->name, 0, sizeof(report->name));
	memcpy(report->name, name.data ? name.data : "", len);
	report->name_len = (uint8_t)len;
}

/* A datagram is whole or not at all. Without bailiffd there is no run either. */
void report_send(struct egress *egress, const struct egress_report *report)
{
	ssize_t n;

	do
		n = send(egress->channel, report, sizeof(*report), MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		loop_stop(egress->loop, -errno);
}

/* "host.corp.example" after "host", or after a listed name: a resolver tries its search list. */
static bool is_suffixed(const struct egress *egress, struct slice name, uint64_t now_ns)
{
	for (size_t i = 0; i < name.len; i++) {
		struct slice head = slice_new(name.data, i);

		if (name.data[i] != '.')
			continue;
		if (rules_name_allowed(&egress->rules, head, NET_PORT_ANY))
			return true;
		for (size_t k = 0; k < REFUSED_NAMES; k++) {
			const struct refused_name *row = &egress->refused[k];

			if (row->until_ns > now_ns && slice_eq(slice_new(row->name, row->len), head))
				return true;
		}
	}
	return false;
}

void report_refused_name(struct egress *egress, struct egress_report *report, struct slice name,
			 uint64_t now_ns)
{
	struct refused_name *place = &egress->refused[0];

	for (size_t k = 0; k < REFUSED_NAMES; k++) {
		struct refused_name *row = &egress->refused[k];

		if (row->until_ns > now_ns && slice_eq(slice_new(row->name, row->len), name))
			return;
		if (row->until_ns < place->until_ns)
			place = row;
	}
	report->flags = is_suffixed(egress, name, now_ns) ? EGRESS_STRAY : 0;
	name.len = MIN(name.len, sizeof(place->name) - 1);
	*place = (struct refused_name){ .until_ns = now_ns + TOLD_AGAIN_NS, .len = (uint8_t)name.len };
	memcpy(place->name, name.data, name.len);
	report_name(report, name);
	report_send(egress, report);
}
