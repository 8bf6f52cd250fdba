/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* SipHash-2-4 (Aumasson, Bernstein 2012), word by word: the kernel and user space compute the same keyed
 * hash of what a process executes, and whoever does not know the key cannot make two that are equal.
 * Includes nothing; kernel.h (BPF side) or <linux/types.h> (user side) comes before it. */
#ifndef BPF_SIPHASH_H
#define BPF_SIPHASH_H

#define SIP_BLOCK 64U        /* bytes that are hashed at a time; the last block is filled up with zeros */
#define SIP_WORDS (SIP_BLOCK / 8)

struct sip { __u64 v0, v1, v2, v3; };

#define SIP_INLINE static inline __attribute__((always_inline))

SIP_INLINE __u64 sip_rotate(__u64 word, __u32 bits)
{
	return word << bits | word >> (64 - bits);
}

SIP_INLINE void sip_round(struct sip *s)
{
	s->v0 += s->v1;
	s->v1 = sip_rotate(s->v1, 13) ^ s->v0;
	s->v0 = sip_rotate(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = sip_rotate(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = sip_rotate(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = sip_rotate(s->v1, 17) ^ s->v2;
	s->v2 = sip_rotate(s->v2, 32);
}

SIP_INLINE struct sip sip_begin(__u64 key0, __u64 key1)
{
	struct sip s = { key0 ^ 0x736f6d6570736575ULL, key1 ^ 0x646f72616e646f6dULL,
			 key0 ^ 0x6c7967656e657261ULL, key1 ^ 0x7465646279746573ULL };

	return s;
}

SIP_INLINE void sip_word(struct sip *s, __u64 word)
{
	s->v3 ^= word;
	sip_round(s);
	sip_round(s);
	s->v0 ^= word;
}

SIP_INLINE __u64 sip_end(struct sip *s)
{
	s->v2 ^= 0xff;
	sip_round(s);
	sip_round(s);
	sip_round(s);
	sip_round(s);
	return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

#endif
