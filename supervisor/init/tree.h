/* SPDX-License-Identifier: Apache-2.0 */
/* Steps of building the new root, on descriptors only: look up once, clone, attach. */
#ifndef INIT_TREE_H
#define INIT_TREE_H

#include "init/init.h"

#define ATTR_RDONLY 1U
#define ATTR_NOEXEC 2U
#define ATTR_DEVICES 4U   /* without nodev: for the few nodes of /dev */

/* A host path, no links. O_PATH. Call it between identity_as_caller() and identity_as_root(): whose rights
 * count is not its business. Returns fd or -errno. */
int tree_host(const struct init *init, const char *path) MUST_USE;
/* A path inside the new root with the caller's rights, whose identity we have from here on. O_PATH. Returns fd or -errno. */
int tree_inside(struct init *init, const char *path) MUST_USE;
/* A path inside the new root, as root, whom we are again from here on; what is missing is made, root's, mode 0755 or 0444 (a directory or an empty file), but only
 * on file systems that init made: -ENOENT where it would have to be made in the caller's tree. */
int tree_make(struct init *init, const char *path, bool directory) MUST_USE;
/* tree_make() keeps the last directory that it made something in. To be called when something was mounted
 * that may lie over it. */
void tree_forget(struct init *init);
/* Clones the mount at `fd`, with what is below when `recursive`, nosuid, nodev, and `attr`; idmapped by
 * `idmap_fd` unless FD_NONE. Returns a detached tree or -errno. */
int tree_clone(int fd, bool recursive, unsigned int attr, int idmap_fd) MUST_USE;
/* Attaches a detached tree at the O_PATH fd `target`. */
int tree_attach(int tree, int target) MUST_USE;
/* A new file system instance, detached. `options`: pairs of key and value, NULL-terminated. */
int tree_new(const char *type, const char *const *options, unsigned int attr) MUST_USE;
/* Directories may be created on this tmpfs from here on. -ENOSPC when there are too many. */
int tree_own(struct init *init, int fd) MUST_USE;
/* Whether `fd` lies on a file system that tree_own() was told of. Everything else is somebody's: not
 * written to, because we are root. */
bool tree_is_own(const struct init *init, int fd);

#endif
