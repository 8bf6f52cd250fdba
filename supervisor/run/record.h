/* SPDX-License-Identifier: Apache-2.0 */
/* Kernel events and decisions as intake records. Pure: writes to a buffer, asks nobody. What an agent
 * chose (paths, names, argv) goes in as bytes where it is no valid UTF-8, cut at the intake's
 * maxima; argv is a sensitive value, never part of the record. */
#ifndef RUN_RECORD_H
#define RUN_RECORD_H

#include <linux/types.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/ulid.h"
#include "bpf/events.h"
#include "decide/rules.h"
#include "ledger/intake.h"

/* Where and when: the same for all records of one moment. */
struct record_frame {
	struct ulid run;          /* zero = outside runs */
	uint64_t realtime_ns;     /* now */
	uint64_t boottime_ns;     /* now: kernel times are placed against it */
};

struct record_frame record_frame_now(const struct ulid *run);

/* A record being built at the end of `buf`. After the first failure the rest does nothing. */
struct draft {
	struct buf *buf;
	struct intake_record *record; /* valid until draft_end(): the buffer is fixed */
	size_t at;
};

/* `event` gives time, process and source; NULL = now, nobody. */
struct draft draft_begin(struct buf *buf, enum record_kind kind, const struct record_frame *frame,
			 const struct event_head *event);
void draft_obj(struct draft *draft, struct slice obj);   /* cut at INTAKE_OBJ_MAX */
void draft_obj2(struct draft *draft, struct slice obj2);
void draft_rule(struct draft *draft, struct slice rule); /* cut at INTAKE_RULE_MAX - 1 */
void draft_by(struct draft *draft, const char *by);
void draft_uint(struct draft *draft, enum detail_key key, uint64_t number);
/* Nothing when empty; text when it is UTF-8, else bytes; cut at INTAKE_PAIR_MAX. */
void draft_text(struct draft *draft, enum detail_key key, struct slice text);
void draft_bytes(struct draft *draft, enum detail_key key, const void *bytes, size_t len);
void draft_bool(struct draft *draft, enum detail_key key, bool value);
/* Returns 0, or -ENOSPC: the record is gone. */
int draft_end(struct draft *draft) MUST_USE;

/* What the supervisor knows beside the event. */
struct record_facts {
	struct slice obj, obj2;       /* absolute paths or an address */
	enum record_verdict verdict;
	enum record_effect effect;
	const struct decision *decision; /* of a refusal; NULL = none */
};

/* The kind of record of a kind of event that happened; RECORD_GENESIS = none of its own. */
enum record_kind record_kind_of(enum event_kind kind);
/* An event as it is. `event` has passed event_validate(). */
int record_event(struct buf *buf, const struct record_frame *frame, const struct event_head *event,
		 const struct record_facts *facts) MUST_USE;
/* A refused attempt as a decision. */
int record_refusal(struct buf *buf, const struct record_frame *frame, const struct event_head *event,
		   const struct record_facts *facts) MUST_USE;

/* "1.2.3.4:443", "[2001:db8::1]:443", "unix:/path", "unix:@name"; always terminated. Returns the
 * length. */
size_t record_address(const struct event_net *event, char *to, size_t to_size);

#define RECORD_ADDRESS_MAX 160U

#endif
