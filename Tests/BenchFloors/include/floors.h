// What page tables cannot be faster than: plain C that checks nothing, keeps no counts and no tokens,
// and only leaves the same entries in memory, or reads them.
//
// Physical address 0 is `memory`. `per_walk` pages in a row are done per walk from the root: all 512
// of a table, or 1 for page by page. A run of `per_walk` pages lies in one table.

#pragma once
#include <stdint.h>

/// Where tables are: missing ones are taken from `next` upward, and must be zero.
typedef struct {
  uint64_t *_Nonnull memory;
  uint64_t root;
  uint64_t next;
} floor_table;

/// A run of pages of one size: `level` 1, 2 or 3 is 4 KiB, 2 MiB or 1 GiB.
typedef struct {
  uint64_t start;
  uint64_t count;
  int level;
} floor_pages;

/// Leaves whose address grows by the size of the page, the first of which is `entry`.
void floor_map(floor_table *_Nonnull table, floor_pages pages, uint64_t entry, uint64_t per_walk);

/// Clears the leaves; the sum of what was there.
uint64_t floor_unmap(const floor_table *_Nonnull table, floor_pages pages, uint64_t per_walk);

/// Clears `bits` in the leaves.
void floor_protect(
    const floor_table *_Nonnull table, floor_pages pages, uint64_t bits, uint64_t per_walk);

/// The sum of the pages' physical addresses: 4 KiB pages, in order.
uint64_t floor_query(const floor_table *_Nonnull table, floor_pages pages);

/// The sum of the physical addresses of `queries` 4 KiB pages chosen by xorshift64.
uint64_t floor_query_random(
    const floor_table *_Nonnull table, uint64_t start, uint64_t mask, uint64_t queries);

/// Rounds of mapping and unmapping 4 pages of 4 KiB, each 32 KiB after the last and to 16 KiB after
/// its frames, 8192 of them and then again; the sum of the leaves.
uint64_t floor_area4(
    floor_table *_Nonnull table, uint64_t start, uint64_t entry, uint64_t rounds);

/// The number of pages that are not mapped by the leaf that `entry` and the page's number make, with
/// tables on the way that allow everything but user mode. Not a floor: what checks the tables.
uint64_t wrong_leaves(
    const floor_table *_Nonnull table, floor_pages pages, uint64_t entry);
