/* SPDX-License-Identifier: Apache-2.0 */
/* Small reads and writes that are whole or an error. */
#ifndef BASE_IO_H
#define BASE_IO_H

#include <stdint.h>

#include "base/buf.h"
#include "base/cleanup.h"

/* Reads until `size` bytes or end of file. Returns the count or -errno. */
ssize_t io_read(int fd, void *bytes, size_t size) MUST_USE;
/* Writes everything. Returns 0 or -errno. */
int io_write(int fd, const void *bytes, size_t len) MUST_USE;
/* Reads a small text file (/proc, cgroupfs) below `dir_fd`, terminated, final newline removed.
 * Returns its length, -EMSGSIZE when it does not fit, or -errno. */
ssize_t io_read_text(int dir_fd, const char *path, char *text, size_t size) MUST_USE;
/* Writes `text` in one write(2) to an existing file below `dir_fd`. */
int io_write_text(int dir_fd, const char *path, const char *text) MUST_USE;
/* Appends the rest of `fd` to `buf`. Returns 0, -ENOSPC beyond its maximum, or -errno. */
int io_read_all(int fd, struct buf *buf) MUST_USE;
/* A sealed (no write, grow, shrink, further seals) read-only-in-effect memfd with these bytes. */
int io_sealed_memfd(const char *name, const void *bytes, size_t len, int *ret_fd) MUST_USE;
/* mkdir -p below `dir_fd` with `mode` for each new part. Returns 0 or -errno. */
int io_mkdirs(int dir_fd, const char *path, mode_t mode) MUST_USE;

#endif
