/* SPDX-License-Identifier: Apache-2.0 */
/* The names of what records hold as numbers: kinds and their class, detail keys and their types,
 * statuses, phases, violations. One table each; CLI, JSON and record.cddl use the same words. */
#ifndef LEDGER_WORDS_H
#define LEDGER_WORDS_H

#include <stdbool.h>

#include "base/slice.h"
#include "ledger/intake.h"

enum record_class {                 /* the ranges of ledger.md section 2 */
	CLASS_CONTROL, CLASS_FILE_CHANGE, CLASS_FILE_READ, CLASS_PROCESS, CLASS_NETWORK,
	CLASS_PRIVILEGE, CLASS_RUN, CLASS_DECISION, CLASS_ENFORCEMENT, CLASS_RIGHTS, CLASS_WORK,
	CLASS_OPERATOR,
};

/* "close_write"; NULL for a number that is no kind. */
const char *record_kind_name(uint32_t kind);
/* -ENOENT when no kind has this name. */
int record_kind_parse(struct slice name, enum record_kind *ret_kind) MUST_USE;
enum record_class record_kind_class(enum record_kind kind);
/* "file change"; never NULL. */
const char *record_class_name(enum record_class class);

/* "exit_code"; NULL for a number that is no key. */
const char *detail_key_name(uint32_t key);
/* True when `type` (enum pair_type) is one that this key may have. */
bool detail_key_takes(uint32_t key, uint32_t type);

/* Vocabularies of model.md that records carry as a number (uint) or as the word itself (text). */
enum word_list {
	WORDS_VERDICT,    /* "" none, warn, deny, held, killed, error */
	WORDS_SEV,        /* "" none, low, medium, high, critical */
	WORDS_EFFECT,     /* "" none, prevented, observed, reported, claimed, inferred */
	WORDS_STATUS,     /* 0 PENDING STARTING RUNNING PAUSED RECOVERING COMPLETED FAILED REVOKED 7 */
	WORDS_PHASE,      /* 0 BOOTSTRAP PREFLIGHT PLAN EXECUTE VERIFY PACKAGE REPORT EXIT REVOKED 8 */
	WORDS_VIOLATION,  /* 1 UNAUTHORIZED_POOL ... 14, 64 STATE_DRIFT ... 69 */
	WORDS_GAP_CAUSE,  /* 1 ring_full supervisor_restart queue_lost read_error 4 */
	WORDS_VALUE,      /* 1 argv env prompt text question 5 */
	WORDS_COUNT,
};

/* NULL when the number has no word in this list. */
const char *word_name(enum word_list list, uint64_t number);
/* Case matters not. -ENOENT when no word fits. */
int word_parse(enum word_list list, struct slice word, uint64_t *ret_number) MUST_USE;

#endif
