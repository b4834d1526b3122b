/* SPDX-License-Identifier: Apache-2.0
 *
 * Every maximum of Wattle, with its reason. Input beyond a limit is refused with -WTL_LIMIT and a
 * message that names the limit; nothing is cut in silence.
 */
#ifndef WTL_BASE_LIMITS_H
#define WTL_BASE_LIMITS_H

/* A row of a trace. dcgmi with every known field stays under 8 KiB; a line longer than this is
 * binary data or a hole of NUL bytes, and is counted as dropped. */
#define WTL_LIMIT_LINE_BYTES (1 << 16)

/* Columns of one table: nvidia-smi --query-gpu knows about 150 names. */
#define WTL_LIMIT_COLUMNS 512

/* GPUs (or MIG slices) in one trace: a dense node has 16 boards of 7 slices. */
#define WTL_LIMIT_STREAMS 128

/* Names of GPUs, workloads, jobs, in bytes with the terminator. */
#define WTL_LIMIT_NAME 96

/* A path that we store. */
#define WTL_LIMIT_PATH 4096

/* Files found in one import; a campaign of three GPUs x 86 clocks x 5 workloads x 4 repetitions
 * is 4120. Bounded so that `import /` ends with a message rather than with the memory. */
#define WTL_LIMIT_FILES 2000000

/* Depth of a directory walk: result trees are three deep. */
#define WTL_LIMIT_DEPTH 32

/* Runs of one campaign held in memory at once: 500 bytes each. */
#define WTL_LIMIT_RUNS 2000000

/* Distinct clocks of one GPU: V100 supports 167, H100 97. */
#define WTL_LIMIT_CLOCKS 1024

/* A clock in a document, in MHz: beyond that of any device, and safe to compute with. */
#define WTL_LIMIT_CLOCK_MHZ 100000

/* YAML and JSON documents (policies, mappings, plans). */
#define WTL_LIMIT_DOCUMENT_BYTES (64 << 20)
#define WTL_LIMIT_DOCUMENT_DEPTH 64

/* Values in one YAML document: 100 bytes each in memory; a policy has tens, a long list of clocks
 * hundreds. */
#define WTL_LIMIT_DOCUMENT_NODES (1 << 20)

/* What a compressed file may expand to, as a ratio to its own size: real traces reach 40; 10000
 * stops a decompression bomb. */
#define WTL_LIMIT_EXPANSION 10000

/* Bootstrap replicates: 10^5 already puts the Monte Carlo error of a 95 % bound under 0.1 point. */
#define WTL_LIMIT_REPLICATES 100000

/* Arrivals of one recorded load: 16 bytes each, and three hours at three thousand a second. */
#define WTL_LIMIT_ARRIVALS (1 << 25)

/* Tokens of one request: the contexts of today's models end at a few million. */
#define WTL_LIMIT_TOKENS 10000000

/* Worker threads of one command. */
#define WTL_LIMIT_THREADS 256

#endif
