/* SPDX-License-Identifier: Apache-2.0 */
#include "base/ulid.h"

#include <errno.h>
#include <sys/random.h>
#include <time.h>

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

int ulid_new(struct ulid *ret_ulid)
{
	struct ulid ulid;
	struct timespec now;
	uint64_t ms;

	if (clock_gettime(CLOCK_REALTIME, &now) < 0)
		return -errno;
	if (getrandom(ulid.bytes, sizeof(ulid.bytes), 0) != (ssize_t)sizeof(ulid.bytes))
		return -EIO;
	ms = (uint64_t)now.tv_sec * 1000U + (uint64_t)now.tv_nsec / 1000000U;
	for (int i = 0; i < 6; i++)
		ulid.bytes[i] = (uint8_t)(ms >> (8 * (5 - i)));
	*ret_ulid = ulid;
	return 0;
}

/* The 128 bits are read as 26 groups of 5, the first one holding only 3. */
static unsigned int bit_at(const struct ulid *ulid, int bit)
{
	if (bit < 0)
		return 0;
	return (unsigned int)ulid->bytes[bit / 8] >> (7 - bit % 8) & 1U;
}

void ulid_text(const struct ulid *ulid, char to[ULID_TEXT_LEN + 1])
{
	for (int i = 0; i < ULID_TEXT_LEN; i++) {
		unsigned int group = 0;

		for (int k = 0; k < 5; k++)
			group = (group << 1) | bit_at(ulid, i * 5 + k - 2);
		to[i] = alphabet[group];
	}
	to[ULID_TEXT_LEN] = '\0';
}

static int digit_of(char c)
{
	const char *found;

	if (c >= 'a' && c <= 'z')
		c = (char)(c - 'a' + 'A');
	if (c == '\0')
		return -1;
	found = strchr(alphabet, c);
	return found ? (int)(found - alphabet) : -1;
}

int ulid_parse(struct slice text, struct ulid *ret_ulid)
{
	struct ulid ulid = { 0 };

	if (text.len != ULID_TEXT_LEN || digit_of(text.data[0]) > 7)
		return -EINVAL;
	for (int i = 0; i < ULID_TEXT_LEN; i++) {
		int digit = digit_of(text.data[i]);

		if (digit < 0)
			return -EINVAL;
		for (int k = 0; k < 5; k++) {
			int bit = i * 5 + k - 2;

			if (bit >= 0 && ((digit >> (4 - k)) & 1))
				ulid.bytes[bit / 8] |= (uint8_t)(1U << (7 - bit % 8));
		}
	}
	*ret_ulid = ulid;
	return 0;
}

bool ulid_is_zero(const struct ulid *ulid)
{
	static const struct ulid zero;

	return memcmp(ulid, &zero, sizeof(zero)) == 0;
}
