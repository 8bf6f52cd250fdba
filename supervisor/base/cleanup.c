/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cleanup.h"

#include <errno.h>
#include <unistd.h>

int fd_close(int fd)
{
	int saved = errno;

	if (fd >= 0)
		IGNORE(close(fd) < 0); /* never retried: Linux frees the number even on EINTR */
	errno = saved;
	return FD_NONE;
}
