/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/verify_batch.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

struct verify_worker {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct verify_batch *todo;  /* under the lock: the thread's until it is NULL again */
	bool stop;                  /* under the lock */
	struct tree_hasher *hasher; /* the thread's */
	struct verify_batch *given; /* not taken back yet */
	size_t filling;
	struct verify_batch batches[2];
};

bool verify_batch_full(const struct verify_batch *batch)
{
	return batch->count == VERIFY_BATCH_ROWS || sizeof(batch->bytes) - batch->used < RECORD_MAX;
}

void verify_batch_add(struct verify_batch *batch, sqlite3_value **cells)
{
	struct verify_row *row = &batch->rows[batch->count++];
	size_t len;

	row->integers = row->nulls = 0;
	for (int i = 0; i < EVENT_COLUMNS; i++) {
		int type = sqlite3_value_type(cells[i]);

		if (type == SQLITE_INTEGER) {
			row->integers |= 1U << i;
			row->cells[i] = sqlite3_value_int64(cells[i]);
		} else if (type == SQLITE_NULL) {
			row->nulls |= 1U << i;
		}
	}
	row->is_blob = sqlite3_value_type(cells[EVENT_REC]) == SQLITE_BLOB;
	len = row->is_blob ? (size_t)sqlite3_value_bytes(cells[EVENT_REC]) : 0;
	row->has_rec = row->is_blob && len <= RECORD_MAX;
	if (!row->has_rec)
		return;
	row->rec = slice_new(batch->bytes + batch->used, len);
	if (len)
		memcpy(batch->bytes + batch->used, sqlite3_value_blob(cells[EVENT_REC]), len);
	batch->used += len;
}

/* ---- the thread ---- */

static void work(struct verify_worker *worker, struct verify_batch *batch)
{
	for (size_t i = 0; i < batch->count; i++) {
		struct verify_row *row = &batch->rows[i];

		if (!row->has_rec)
			continue;
		row->hashed = tree_leaf(worker->hasher, row->rec, &row->leaf);
		row->decoded = record_decode(row->rec, &row->record);
	}
}

static void *run(void *context)
{
	struct verify_worker *worker = context;

	pthread_mutex_lock(&worker->lock);
	for (;;) {
		struct verify_batch *batch = worker->todo;

		if (batch) {
			pthread_mutex_unlock(&worker->lock);
			work(worker, batch);
			pthread_mutex_lock(&worker->lock);
			worker->todo = NULL;
			pthread_cond_broadcast(&worker->changed);
		} else if (worker->stop) {
			break;
		} else {
			pthread_cond_wait(&worker->changed, &worker->lock);
		}
	}
	pthread_mutex_unlock(&worker->lock);
	return NULL;
}

/* ---- the caller ---- */

static struct verify_worker *worker_release(struct verify_worker *worker)
{
	pthread_cond_destroy(&worker->changed);
	pthread_mutex_destroy(&worker->lock);
	tree_hasher_free(worker->hasher);
	free(worker);
	return NULL;
}

int verify_worker_new(struct verify_worker **ret_worker, struct error *err)
{
	struct verify_worker *worker = calloc(1, sizeof(*worker));
	int r;

	if (!worker)
		return error_set(err, -ENOMEM, "verify the records");
	pthread_mutex_init(&worker->lock, NULL);
	pthread_cond_init(&worker->changed, NULL);
	r = tree_hasher_new(&worker->hasher);
	if (r == 0)
		r = -pthread_create(&worker->thread, NULL, run, worker);
	if (r < 0) {
		worker_release(worker);
		return error_set(err, r, "start a thread");
	}
	*ret_worker = worker;
	return 0;
}

struct verify_worker *verify_worker_free(struct verify_worker *worker)
{
	if (!worker)
		return NULL;
	pthread_mutex_lock(&worker->lock);
	worker->stop = true;
	pthread_cond_broadcast(&worker->changed);
	pthread_mutex_unlock(&worker->lock);
	pthread_join(worker->thread, NULL);
	return worker_release(worker);
}

struct verify_batch *verify_worker_batch(struct verify_worker *worker)
{
	struct verify_batch *batch = &worker->batches[worker->filling];

	batch->count = batch->used = 0;
	return batch;
}

struct verify_batch *verify_worker_take(struct verify_worker *worker)
{
	struct verify_batch *batch = worker->given;

	pthread_mutex_lock(&worker->lock);
	while (worker->todo)
		pthread_cond_wait(&worker->changed, &worker->lock);
	pthread_mutex_unlock(&worker->lock);
	worker->given = NULL;
	return batch;
}

struct verify_batch *verify_worker_give(struct verify_worker *worker)
{
	struct verify_batch *before = verify_worker_take(worker);

	worker->given = &worker->batches[worker->filling];
	worker->filling ^= 1;
	pthread_mutex_lock(&worker->lock);
	worker->todo = worker->given;
	pthread_cond_broadcast(&worker->changed);
	pthread_mutex_unlock(&worker->lock);
	return before;
}
