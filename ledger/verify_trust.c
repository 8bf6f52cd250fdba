/* SPDX-License-Identifier: Apache-2.0 */
/* Where trust comes from, and what an earlier verify saw. A key that only the ledger itself shows
 * proves nothing about who wrote it; a size that we saw once cannot become smaller. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/parse.h"
#include "base/text.h"
#include "ledger/verify_pass.h"

#define MEMORY_MAX 1024U
#define MEMORY_HEAD "bailiff-verify/1"
#define POLICY_MAX (256U * 1024U)
#define DEFAULT_POLICY "/etc/bailiff/verify.policy"

static bool next_line(struct slice *rest, struct slice *ret_line)
{
	const char *end;

	if (rest->len == 0)
		return false;
	end = memchr(rest->data, '\n', rest->len);
	*ret_line = slice_new(rest->data, end ? (size_t)(end - rest->data) : rest->len);
	rest->data += ret_line->len + (end ? 1 : 0);
	rest->len -= ret_line->len + (end ? 1 : 0);
	return true;
}

static bool next_word(struct slice *rest, struct slice *ret_word)
{
	size_t len = 0;

	while (rest->len && (*rest->data == ' ' || *rest->data == '\t')) {
		rest->data++;
		rest->len--;
	}
	while (len < rest->len && rest->data[len] != ' ' && rest->data[len] != '\t')
		len++;
	*ret_word = slice_new(rest->data, len);
	rest->data += len;
	rest->len -= len;
	return len > 0;
}

static int read_file(const char *path, struct buf *buf)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return -errno;
	return io_read_all(fd, buf);
}

/* ---- memory ---- */

/* One file per origin: its name must not depend on what an origin may contain. */
static int memory_name(const char *origin, char name[24])
{
	cleanup_with(tree_hasher_free_p) struct tree_hasher *hasher = NULL;
	struct tree_hash hash;
	int r = tree_hasher_new(&hasher);

	if (r == 0)
		r = tree_digest(hasher, slice_of(origin), &hash);
	if (r < 0)
		return r;
	text_hex(name, hash.bytes, 10);
	return 0;
}

static int memory_parse(struct slice text, const char *origin, struct verify_memory *ret_memory)
{
	struct verify_memory memory = { .known = true };
	struct slice head, vkey, body;
	struct note_key key;

	if (!next_line(&text, &head) || !slice_is(head, MEMORY_HEAD) || !next_line(&text, &vkey))
		return -EBADMSG;
	body = text;
	if (note_key_parse(vkey, &key) < 0 ||
	    note_checkpoint_parse(body, &memory.checkpoint) < 0 ||
	    strcmp(memory.checkpoint.origin, origin) != 0)
		return -EBADMSG;
	note_key_text(&key, memory.vkey);
	*ret_memory = memory;
	return 0;
}

int verify_memory_load(const char *dir, const char *origin, struct verify_memory *ret_memory,
		       struct error *err)
{
	char name[24], text[MEMORY_MAX];
	auto_close int dir_fd = FD_NONE, fd = FD_NONE;
	ssize_t len;
	int r;

	memset(ret_memory, 0, sizeof(*ret_memory));
	if (!dir)
		return 0;
	r = memory_name(origin, name);
	if (r < 0)
		return error_set(err, r, "name the memory of '%s'", origin);
	dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd >= 0)
		fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
	if (fd < 0)
		return errno == ENOENT ? 0 : error_set(err, -errno, "open '%s/%s'", dir, name);
	len = io_read(fd, text, sizeof(text));
	if (len < 0)
		return error_set(err, (int)len, "read '%s/%s'", dir, name);
	r = memory_parse(slice_new(text, (size_t)len), origin, ret_memory);
	if (r < 0) {
		error_say(err, r, "'%s/%s' is damaged: what was verified before is not known", dir,
			  name);
		return error_next(err, "compare with a checkpoint kept elsewhere (--checkpoint), "
				       "then remove this file");
	}
	return 0;
}

static int memory_write(int dir_fd, const char *name, struct slice text)
{
	char temporary[32];
	auto_close int fd = FD_NONE;
	int r;

	IGNORE(snprintf(temporary, sizeof(temporary), "%s.%d", name, (int)getpid()) < 0);
	fd = openat(dir_fd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	r = io_write(fd, text.data, text.len);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	if (r == 0 && renameat(dir_fd, temporary, dir_fd, name) < 0)
		r = -errno;
	if (r < 0)
		IGNORE(unlinkat(dir_fd, temporary, 0)); /* nothing better to do with it */
	return r;
}

int verify_memory_save(const char *dir, const struct verify_memory *memory, struct error *err)
{
	char name[24], bytes[MEMORY_MAX];
	struct buf text = buf_fixed(bytes, sizeof(bytes));
	auto_close int dir_fd = FD_NONE;
	int r;

	r = memory_name(memory->checkpoint.origin, name);
	if (r == 0)
		r = buf_printf(&text, MEMORY_HEAD "\n%s\n", memory->vkey);
	if (r == 0)
		r = note_checkpoint_write(&text, &memory->checkpoint);
	if (r == 0)
		r = io_mkdirs(AT_FDCWD, dir, 0700);
	if (r < 0)
		return error_set(err, r, "remember the result in '%s'", dir);
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = dir_fd < 0 ? -errno : memory_write(dir_fd, name, buf_slice(&text));
	return r < 0 ? error_set(err, r, "remember the result in '%s'", dir) : 0;
}

/* ---- the trusted key ---- */

static int key_given(const char *given, struct note_key *ret_key, struct error *err)
{
	cleanup_with(buf_finish) struct buf buf = buf_growing(4096);
	struct slice text, line;
	int r;

	if (note_key_parse(slice_of(given), ret_key) == 0)
		return 0;
	r = read_file(given, &buf);
	if (r < 0)
		return error_set(err, r, "'%s' is no verifier key, and as a file", given);
	text = buf_slice(&buf);
	if (!next_line(&text, &line) || note_key_parse(line, ret_key) < 0)
		return error_say(err, -EINVAL, "the file '%s' holds no verifier key", given);
	return 0;
}

/* Returns 1 when the policy trusts a key for this origin, 0 when it says nothing about it. */
static int key_of_policy(struct verify_pass *pass, const char *path, struct note_key *ret_key,
			 struct error *err)
{
	cleanup_with(buf_finish) struct buf buf = buf_growing(POLICY_MAX);
	struct slice text, line, verb, word;
	struct note_key key;
	int r, found = 0;

	r = read_file(path, &buf);
	if (r < 0)
		return r == -ENOENT ? 0 : error_set(err, r, "read the policy '%s'", path);
	for (text = buf_slice(&buf); next_line(&text, &line);) {
		if (!next_word(&line, &verb) || verb.data[0] == '#')
			continue;
		if (!next_word(&line, &word))
			return error_say(err, -EINVAL, "a line of '%s' lacks its second word", path);
		if (slice_is(verb, "quorum") && !slice_is(word, "none"))
			pass->report->witness_unchecked = true;
		if (!slice_is(verb, "log"))
			continue;
		if (note_key_parse(word, &key) < 0)
			return error_say(err, -EINVAL, "a log line of '%s' has no verifier key",
					 path);
		if (strcmp(key.name, pass->reader->meta.origin) == 0 && !found++)
			*ret_key = key;
	}
	return found > 0;
}

static int choose_key(struct verify_pass *pass, const struct verify_memory *memory,
		      struct note_key *ret_key, struct error *err)
{
	const struct verify_options *options = pass->options;
	struct verify_report *report = pass->report;
	int r;

	if (options->key) {
		report->trust = VERIFY_TRUST_GIVEN;
		return key_given(options->key, ret_key, err);
	}
	r = key_of_policy(pass, options->policy ? options->policy : DEFAULT_POLICY, ret_key, err);
	if (r != 0) {
		report->trust = VERIFY_TRUST_POLICY;
		return r < 0 ? r : 0;
	}
	if (memory->known) {
		report->trust = VERIFY_TRUST_REMEMBERED;
		r = note_key_parse(slice_of(memory->vkey), ret_key);
		return r < 0 ? error_set(err, r, "read the remembered key") : 0;
	}
	report->trust = options->enrol ? VERIFY_TRUST_ENROLLED : VERIFY_TRUST_NONE;
	return 0;
}

int verify_trusted(struct verify_pass *pass, const struct verify_memory *memory, struct error *err)
{
	struct note_key trusted = { 0 }, shown;
	int r = choose_key(pass, memory, &trusted, err);

	if (r < 0)
		return r;
	if (note_key_parse(slice_of(pass->reader->meta.vkey), &shown) < 0) {
		verify_find(pass, 0, "table log_meta, column vkey: not a verifier key");
		return 0;
	}
	if (pass->report->trust == VERIFY_TRUST_NONE || pass->report->trust == VERIFY_TRUST_ENROLLED)
		return 0;
	if (strcmp(trusted.name, shown.name) != 0 ||
	    memcmp(trusted.public, shown.public, NOTE_PUBLIC_LEN) != 0)
		verify_find(pass, 0, "the log's identity key is not the trusted one (%s)",
			    pass->report->trust == VERIFY_TRUST_GIVEN ? "--key" :
			    pass->report->trust == VERIFY_TRUST_POLICY ? "verify.policy" :
			    "seen by an earlier verify");
	return 0;
}

/* ---- what was kept ---- */

static int compare_kept(struct verify_pass *pass, const struct note_checkpoint *kept,
			const char *whose, struct error *err)
{
	struct tree_hash root;
	int r;

	if (kept->size > pass->next) {
		verify_find(pass, (int64_t)pass->next,
			    "is missing: %s covers %llu records, the log has %llu; its tail was "
			    "cut off or it was rolled back", whose, (unsigned long long)kept->size,
			    (unsigned long long)pass->next);
		return 0;
	}
	r = verify_root(pass, kept->size, &root);
	if (r < 0)
		return error_set(err, r, "hash the tree");
	if (!tree_hash_eq(&root, &kept->root))
		verify_find(pass, -1, "the records below %llu are not those of %s: the history was "
			    "rewritten", (unsigned long long)kept->size, whose);
	else
		pass->report->compared_size = MAX(pass->report->compared_size, kept->size);
	return 0;
}

static int load_note(struct verify_pass *pass, struct note_checkpoint *ret_kept, struct error *err)
{
	const char *path = pass->options->checkpoint;
	cleanup_with(buf_finish) struct buf buf = buf_growing(NOTE_MAX);
	struct note_key key;
	struct note note;
	int r = read_file(path, &buf);

	if (r < 0)
		return error_set(err, r, "read the kept checkpoint '%s'", path);
	if (note_parse(buf_slice(&buf), &note) < 0 || note_checkpoint_parse(note.body, ret_kept) < 0)
		return error_say(err, -EBADMSG, "'%s' is no signed checkpoint", path);
	if (strcmp(ret_kept->origin, pass->reader->meta.origin) != 0)
		return error_say(err, -EINVAL, "'%s' is a checkpoint of another log, %s", path,
				 ret_kept->origin);
	if (note_key_parse(slice_of(pass->reader->meta.vkey), &key) < 0 ||
	    note_verify(&note, &key) != 1)
		verify_find(pass, 0, "the log's key did not sign the kept checkpoint");
	return 0;
}

int verify_kept(struct verify_pass *pass, const struct verify_memory *memory, struct error *err)
{
	struct note_checkpoint kept;
	int r = 0;

	if (memory->known)
		r = compare_kept(pass, &memory->checkpoint, "an earlier verify", err);
	if (r < 0 || !pass->options->checkpoint)
		return r;
	r = load_note(pass, &kept, err);
	return r < 0 ? r : compare_kept(pass, &kept, "the kept checkpoint", err);
}
