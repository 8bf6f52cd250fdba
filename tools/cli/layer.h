/* SPDX-License-Identifier: Apache-2.0 */
/* The upper layer of an overlay workspace, compared with the workspace and written back to it. The
 * bytes in it are an agent's: names, links, modes, attributes, depth. So whoever asks works with the
 * rights of the overlay's owner and nothing more, and every path is looked up below one of two root
 * descriptors, without links. */
#ifndef CLI_LAYER_H
#define CLI_LAYER_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/fdpass.h"
#include "cli/client.h"
#include "plan/overlay.h"

#define LAYER_DEPTH_MAX 256U         /* components of a path below the workspace */
#define LAYER_PATH_MAX 4096U
#define LAYER_CHANGES_MAX 400000U
#define LAYER_NONE ((size_t)-1)

enum change_kind {
	CHANGE_ADDED, CHANGE_MODIFIED, CHANGE_DELETED,
	CHANGE_MODE,                 /* permissions, or attributes that a user may set */
	CHANGE_TIME,                 /* nothing but the time of last change */
	CHANGE_KIND_COUNT,
};

/* Why a change is not written back. */
enum hold {
	HOLD_NONE,
	HOLD_CONFLICT,               /* the workspace has changed there since the run began */
	HOLD_PROTECTED,              /* the policy of the run refuses it */
	HOLD_KIND,                   /* a device, or on another file system */
	HOLD_DEPTH,                  /* too deep to look at */
	HOLD_UNREADABLE,
	HOLD_COUNT,
};

struct change {
	char *path;                  /* below the workspace, without a slash in front; "" = the root; owned */
	enum change_kind kind;
	enum hold hold;
	struct stat upper, lower;    /* st_mode 0: is not there */
	bool origin;                 /* copied up from the workspace, not made new */
	bool moved;                  /* copied up from another place of the workspace */
	bool selected, done;         /* commit */
	char rule[64];               /* HOLD_PROTECTED: which */
	size_t group;                /* of layer.groups: what is taken out of the upper layer together */
	size_t twin;                 /* the other half of a rename, or LAYER_NONE */
	size_t from;                 /* this file, unchanged, is that one's of the workspace; or LAYER_NONE */
	char *index_name;            /* a further name of a changed file, which the upper layer does not have
	                              * there: where the index has it; owned; NULL for all others */
};

/* A name in the upper layer whose parent is merged: all below it is the upper layer's own. */
struct change_group {
	char *path;                  /* owned */
	size_t left;                 /* changes that are not written back */
};

/* A file with several names in the upper layer, and where the workspace has it. */
struct linked {
	ino_t ino;
	char path[];
};

/* What its owner could not read or enter, until layer_lock_again(). */
struct unlocked {
	int root;                    /* borrowed: upper or index */
	ino_t ino;
	mode_t mode;
	char path[];
};

/* A file of the workspace at a changed path, by its handle (name_to_handle_at(2)). */
struct known {
	size_t change;
	uint32_t len;
	int type;
	unsigned char handle[128];
};

/* An entry of overlayfs' index: its name is the note on the file of the workspace, in hexadecimal digits. */
struct indexed {
	struct known origin;         /* first: for comparing; its change is not used */
	char *name;                  /* owned */
	struct stat st;
};

struct layer {
	bool live;                   /* the run goes on: nothing of the upper layer is touched */
	int upper, root;             /* owned; root: of the workspace, FD_NONE until layer_enter() */
	int index;                   /* owned; of files with several names; FD_NONE = none */
	struct buf bytes;            /* of meta */
	struct overlay_meta meta;
	struct rules rules;
	struct ulid run;
	struct change *changes;
	size_t count, room;
	struct change_group *groups;
	size_t group_count;
	void *links;                 /* of tsearch(3): struct linked by ino; owned */
	struct known *known;         /* sorted */
	size_t known_count;
	struct indexed *entries;     /* of the index; sorted */
	size_t entry_count, file_entry_count; /* those that are files, not whiteouts */
	struct unlocked **unlocked;  /* owned, and what it points to */
	size_t unlocked_count;
	void *unlocked_tree;         /* of tsearch(3), by ino */
};

#define LAYER_NOTHING ((struct layer){ .upper = FD_NONE, .root = FD_NONE, .index = FD_NONE })
void layer_finish(struct layer *layer);

/* ---- layer_open.c ---- */

/* Asks the supervisor for the overlay of `run` (`flags`: WIRE_COMMIT or 0). */
int layer_ask(int control_fd, const struct ulid *run, uint32_t flags, struct layer *ret_layer,
	      struct error *err) MUST_USE;
/* Becomes the owner for good, with nothing more than the owner's rights, opens the workspace, which must
 * be the directory that it was (`moved`: take it though it is another one), and confines the process:
 * it opens nothing any more but layer and workspace, which it writes only when it `writes`. */
int layer_enter(struct layer *layer, bool moved, bool writes, struct error *err) MUST_USE;
/* What is below `root`: no link is followed, no other file system entered. Returns fd or -errno. */
int layer_at(int root, const char *path, int flags) MUST_USE;
/* lstat(2). Returns 0 or -errno; *ret_st is zero then. */
int layer_stat(int root, const char *path, struct stat *ret_st) MUST_USE;
/* The directory of `path`, and its last component in *ret_name. */
int layer_parent(int root, const char *path, const char **ret_name) MUST_USE;
/* Tells the supervisor what became of it: flags as of WIRE_SETTLE. */
int layer_settle(int control_fd, const struct ulid *run, uint32_t flags, const char *text,
		 struct error *err) MUST_USE;

/* ---- layer_confine.c ---- */

/* Where the kernel has Landlock with ABI 2. Returns 0 or -errno. */
int layer_confine(const struct layer *layer, bool writes) MUST_USE;

/* ---- layer_look.c ---- */

/* Fills `changes`, parents before what is in them, names in byte order. Returns 0; -E2BIG beyond
 * LAYER_CHANGES_MAX; or -errno, with text. */
int layer_look(struct layer *layer, struct error *err) MUST_USE;

/* ---- layer_links.c ---- */

/* Returns 0, -E2BIG or -ENOMEM. */
int layer_add(struct layer *layer, const char *path, enum change_kind kind, size_t group,
	      struct change **ret_change) MUST_USE;
int layer_add_link(struct layer *layer, ino_t ino, const char *path) MUST_USE;
const struct linked *layer_find_link(const struct layer *layer, ino_t ino);
/* Which files are one: renames, further names. Then judges. */
int layer_connect(struct layer *layer, struct error *err) MUST_USE;
/* The changed path of the workspace whose file `change` was copied up from, or LAYER_NONE. */
size_t layer_origin(struct layer *layer, const struct change *change);
/* The file of the workspace at `path` had several names in the overlay. */
bool layer_is_indexed(const struct layer *layer, const char *path);

/* ---- layer_judge.c ---- */

/* Sets hold (and rule) of all changes. */
void layer_judge(struct layer *layer);
/* With --force: conflicts are no reason any more. */
void layer_force(struct layer *layer);
/* ---- layer_same.c ---- */

/* Opens a file or directory of the upper layer for reading, whatever mode the agent gave it. */
int layer_open_upper(struct layer *layer, const char *path, int flags) MUST_USE;
/* The same for what a change is to be made of, wherever it is. */
int layer_open_source(struct layer *layer, const struct change *change, int flags) MUST_USE;
void layer_lock_again(struct layer *layer);
/* The mode that the agent gave it: another name of the same file may have been opened before. */
void layer_true_mode(const struct layer *layer, struct stat *upper);
/* 1: same bytes, 0: not, or -errno. */
int layer_same_bytes(int a, int b) MUST_USE;
int layer_same_content(struct layer *layer, const char *path, const struct stat *upper,
		       const char *lower_path, const struct stat *lower) MUST_USE;
/* The attributes that go along: user.* and ACLs. */
bool layer_attribute_counts(const char *name);
/* 1: the same, 0: not, or -errno. */
int layer_same_attributes(int upper, int lower) MUST_USE;
/* Makes those of `to` those of `from`. Returns 0 or -errno. */
int layer_copy_attributes(int from, int to) MUST_USE;

/* ---- layer_write.c ---- */

/* One name per directory and run for what is not in its place yet: no policy lets an agent make it. */
#define LAYER_TEMPORARY_SIZE 64
void layer_temporary(const struct layer *layer, char to[LAYER_TEMPORARY_SIZE]);

struct written {
	size_t done, held, failed;
	struct error first;          /* the first failure */
};

/* Writes the selected changes to the workspace. What cannot be written stays as it was. Returns 0, or
 * -errno with text when it had to stop (disk full). */
int layer_write(struct layer *layer, struct written *ret_written, struct error *err) MUST_USE;
/* Takes out of the upper layer what was written back. */
void layer_clear(struct layer *layer);

const char *hold_text(enum hold hold);

#endif
