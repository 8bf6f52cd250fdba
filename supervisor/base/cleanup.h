/* SPDX-License-Identifier: Apache-2.0 */
/* Ownership that is visible at the declaration: a variable marked auto_* is released when its
 * scope ends, unless TAKE() or TAKE_FD() moved it out. The attributes do not run across exec,
 * _exit and longjmp. */
#ifndef BASE_CLEANUP_H
#define BASE_CLEANUP_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/types.h>

#define FD_NONE  (-1)
#define UID_NONE ((uid_t)-1)
#define GID_NONE ((gid_t)-1)

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

/* Drops a result on purpose; say why beside it. */
#define IGNORE(expr) do { if (expr) { } } while (0)

#define cleanup_with(function) __attribute__((cleanup(function)))
#define auto_free  cleanup_with(free_p)
#define auto_close cleanup_with(close_p)

/* Moves a value out of its owner. */
#define TAKE(ptr) __extension__ ({ __typeof__(ptr) taken_ = (ptr); (ptr) = NULL; taken_; })
#define TAKE_FD(fd) __extension__ ({ int taken_fd_ = (fd); (fd) = FD_NONE; taken_fd_; })

#define container_of(ptr, type, member) \
	((type *)(void *)((char *)(ptr) - offsetof(type, member)))

/* Closes `fd` unless it is FD_NONE, keeps errno, returns FD_NONE. */
int fd_close(int fd);

static inline void free_p(void *p)
{
	void **ptr = p;

	free(*ptr);
	*ptr = NULL;
}

static inline void close_p(int *fd)
{
	*fd = fd_close(*fd);
}

#endif
